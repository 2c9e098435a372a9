/** Processes that are killed, and processes that write at once: nothing that was completed is lost. */
import { readdirSync, readFileSync, symlinkSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { describe, expect, test, vi } from 'vitest'
import type { Digest } from '../../src/digest/index.ts'
import { DirectoryStore, readBlob } from '../../src/store/index.ts'
import { ownedName } from '../../src/store/process-identity.ts'
import { bundleScript, type Child, startScript } from './child-process.ts'
import { temporaryDirectory } from './temporary-directory.ts'

/** Whatever the library keeps in a layout for a while. */
function leftovers(layout: string): string[] {
  return readdirSync(layout, { recursive: true })
    .map(String)
    .filter((name) => name.includes('.oci-ts'))
}

/** The name of a process of this machine that has ended: with the id of this one, but of another start. */
function deadOwner(): string {
  const [machine, pid, , random] = ownedName().split('-')
  return [machine, pid, '1', random].join('-')
}

/** Fails unless the layout reads, every completed tag stands, and what it stands for is whole. */
async function expectWhole(layout: string, lines: readonly string[]): Promise<number> {
  const store = await DirectoryStore.open(layout)
  const references = new Map<string, Digest>()
  for await (const { name, descriptor } of store.references()) references.set(name, descriptor.digest)
  let completed = 0
  for (const line of lines) {
    if (line === 'end') continue
    const [name, digest, size] = line.split(' ') as [string, Digest, string]
    expect(references.get(name)).toBe(digest)
    const descriptor = { mediaType: 'application/octet-stream', digest, size: Number(size) }
    for await (const _ of await readBlob(store, descriptor));
    completed++
  }
  // One that was killed after its tag was in place, and before it could say so, is there as well.
  for await (const { descriptor } of store.references()) {
    for await (const _ of await readBlob(store, descriptor));
  }
  for await (const digest of store.list()) {
    const bytes = readFileSync(join(layout, 'blobs', ...digest.split(':')))
    for await (const _ of await readBlob(store, { mediaType: '', digest, size: bytes.length }));
  }
  return completed
}

// Each starts dozens of processes, which takes long where the machine is busy.
vi.setConfig({ testTimeout: 300_000 })

describe('a process that is killed', () => {
  test('at any moment of a thousand puts and tags: every completed tag is there', async () => {
    const layout = temporaryDirectory()
    await DirectoryStore.create(layout)
    const script = await bundleScript('writer', temporaryDirectory())
    const lines: string[] = []
    let moment = 0
    for (let round = 0; round < 8; round++) {
      // Two at once: the one that goes on must not be held up by what the killed one leaves.
      const children: Child[] = ['a', 'b'].map((name) =>
        startScript(script, [layout, `${name}${round}`, '1000', String(round % 3 === 0)]),
      )
      while (children.some((child) => child.lines.length === 0)) await sleep(2)
      for (const child of children) {
        // Moments spread over what a put and a tag take, without being random.
        moment = (moment + 37) % 101
        await sleep(moment)
        child.process.kill('SIGKILL')
        expect(await child.ended).toBe('SIGKILL')
      }
      for (const child of children) lines.push(...child.lines)
    }
    expect(await expectWhole(layout, lines)).toBeGreaterThan(50)

    // And the next to write is not held up, and clears away what they left.
    const store = await DirectoryStore.open(layout, { lockTimeout: 5000 })
    await store.tag(await store.put(new Uint8Array(3)), 'afterwards')
    expect(leftovers(layout)).toEqual([])
  })

  test('before each single step of a put and a tag: as before or as after', async () => {
    const script = await bundleScript('writer', temporaryDirectory())
    let killed = 0
    let unharmed = 0
    // Before a step is after the one before it; two run at once.
    for (let step = 1; unharmed < 2; step += 2) {
      const runs = [step, step + 1].map(async (crash) => {
        const layout = temporaryDirectory()
        const store = await DirectoryStore.create(layout)
        await store.tag(await store.put(new Uint8Array(1)), 'kept')
        const before = readFileSync(join(layout, 'index.json'), 'utf8')
        // It finds the lock of a process that is no more, so its steps include those of removing that.
        symlinkSync(deadOwner(), join(layout, '.oci-ts.lock'))
        const child = startScript(script, [layout, 'x', '1', 'true', String(crash)])
        const outcome = await child.ended
        if (outcome === 0) unharmed++
        else expect(outcome).toBe('SIGKILL')
        if (outcome !== 0) killed++
        await expectWhole(layout, child.lines)
        const after = readFileSync(join(layout, 'index.json'), 'utf8')
        if (after !== before) expect((await store.resolve('x-0')).size).toBe(4)

        const next = await DirectoryStore.open(layout, { lockTimeout: 5000 })
        await next.tag(await next.put(new Uint8Array(3)), 'afterwards')
        expect(leftovers(layout)).toEqual([])
        const names: string[] = []
        for await (const { name } of next.references()) names.push(name)
        expect(names.filter((name) => name !== 'x-0')).toEqual(['kept', 'afterwards'])
      })
      await Promise.all(runs)
      expect(step).toBeLessThan(200)
    }
    // Fewer steps than these cannot sync and replace anything.
    expect(killed).toBeGreaterThan(15)
  })
})

describe('processes that write at once', () => {
  test('two that tag a hundred references each lose none', async () => {
    const layout = temporaryDirectory()
    await DirectoryStore.create(layout)
    const script = await bundleScript('writer', temporaryDirectory())
    const children = ['a', 'b'].map((name) => startScript(script, [layout, name, '100', 'true']))
    for (const child of children) expect(await child.ended).toBe(0)
    const lines = children.flatMap((child) => child.lines)
    expect(await expectWhole(layout, lines)).toBe(200)
    const store = await DirectoryStore.open(layout)
    expect((await store.index()).manifests).toHaveLength(200)
    expect(leftovers(layout)).toEqual([])
  })

  test('two stores of one process lose none either', async () => {
    const layout = temporaryDirectory()
    const one = await DirectoryStore.create(layout, { sync: false })
    const two = await DirectoryStore.open(layout, { sync: false })
    const descriptor = await one.put(new Uint8Array(1))
    const tagging = Array.from({ length: 100 }, (_, i) => [
      one.tag(descriptor, `a${i}`),
      two.tag(descriptor, `b${i}`),
    ])
    await Promise.all(tagging.flat())
    expect((await one.index()).manifests).toHaveLength(200)
  })

  test('of two that create a layout in one place, one is told that there is one', async () => {
    const path = join(temporaryDirectory(), 'new')
    const made = await Promise.allSettled([DirectoryStore.create(path), DirectoryStore.create(path)])
    expect(made.map(({ status }) => status).sort()).toEqual(['fulfilled', 'rejected'])
    const both = await Promise.all([
      DirectoryStore.openOrCreate(path),
      DirectoryStore.openOrCreate(`${path}2`),
      DirectoryStore.openOrCreate(`${path}2`),
    ])
    for (const store of both) expect((await store.index()).manifests).toEqual([])
  })
})
