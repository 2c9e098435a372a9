/**
 * A real image of several layers, made once by `make-real-image.sh` and kept in the project's cache: Debian's
 * minbase, many small files, deletions, changes of kind, an opaque directory, and special files of every sort.
 * Tests read it; a test that wants to change it works on a copy.
 */
import { createHash } from 'node:crypto'
import { mkdirSync, readFileSync, renameSync, rmSync, statSync, utimesSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { test } from 'vitest'
import { type Peer, peersProblem, runPeer } from './peers.ts'

/** Where the image is: `oci:${layout}:${reference}` for skopeo, `${layout}:${reference}` for umoci. */
export interface RealImage {
  readonly layout: string
  readonly reference: string
}

const script = fileURLToPath(new URL('make-real-image.sh', import.meta.url))
const cache = fileURLToPath(new URL('../../node_modules/.cache/oci-ts-interop/', import.meta.url))
const builders: readonly Peer[] = ['root', 'umoci', 'tar', 'setcap', 'setfattr']

/** Why the image cannot be made here, or undefined where it can. */
function realImageProblem(): string | undefined {
  if (peersProblem(['mmdebstrap']) !== undefined && peersProblem(['debootstrap']) !== undefined) {
    return 'neither mmdebstrap nor debootstrap is installed'
  }
  return peersProblem(builders)
}

/** The image, made when it is not there yet (about a minute); undefined where it cannot be made. */
async function realImage(): Promise<RealImage | undefined> {
  // Another script makes another image.
  const name = `real-${createHash('sha256').update(readFileSync(script)).digest('hex').slice(0, 16)}`
  const layout = join(cache, name)
  const image: RealImage = { layout, reference: 'real' }
  if (isThere(layout)) return image
  if (realImageProblem() !== undefined) return undefined
  mkdirSync(cache, { recursive: true })
  // Test files run in processes of their own: one builds, the others wait.
  const lock = join(cache, `${name}.lock`)
  while (!acquire(lock)) {
    await sleep(500)
    if (isThere(layout)) return image
  }
  const beat = setInterval(() => utimesSync(lock, new Date(), new Date()), 5_000)
  const unfinished = join(cache, `${name}.unfinished-${process.pid}`)
  try {
    if (isThere(layout)) return image
    await runPeer('bash', [script, unfinished])
    renameSync(unfinished, layout)
    return image
  } finally {
    clearInterval(beat)
    rmSync(unfinished, { recursive: true, force: true })
    rmSync(lock, { force: true })
  }
}

/** A test on the real image: skipped with the reason where it cannot be made, failed in CI. */
export function realImageTest(
  name: string,
  peers: readonly Peer[],
  run: (image: RealImage) => void | Promise<void>,
  timeout = 900_000,
): void {
  const problem = peersProblem(peers) ?? realImageProblem()
  if (problem !== undefined && !process.env.CI) test.skip(`${name} (skipped: ${problem})`, () => {})
  else {
    test(name, { timeout }, async () => {
      if (problem !== undefined) throw new Error(`CI must run this test, but: ${problem}`)
      const image = await realImage()
      if (image === undefined) throw new Error('The image was neither made nor was there a reason not to')
      await run(image)
    })
  }
}

function isThere(path: string): boolean {
  return statSync(path, { throwIfNoEntry: false }) !== undefined
}

/** Takes the lock, also one whose holder has not touched it for half a minute: it was killed. */
function acquire(lock: string): boolean {
  const held = statSync(lock, { throwIfNoEntry: false })
  if (held !== undefined && Date.now() - held.mtimeMs > 30_000) rmSync(lock, { force: true })
  try {
    writeFileSync(lock, String(process.pid), { flag: 'wx' })
    return true
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error
    return false
  }
}
