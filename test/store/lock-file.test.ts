import { lstatSync, mkdirSync, readdirSync, symlinkSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { describe, expect, test, vi } from 'vitest'
import { withLock } from '../../src/store/lock-file.ts'
import { ownedName, ownerState } from '../../src/store/process-identity.ts'
import { temporaryDirectory } from './temporary-directory.ts'

/** Names of owners: of this process before a restart, of a process that runs, of another machine. */
function named(what: 'dead' | 'running' | 'foreign'): string {
  const [machine, pid, started, random] = ownedName().split('-') as [string, string, string, string]
  if (what === 'dead') return [machine, pid, '1', random].join('-')
  if (what === 'running') return [machine, process.ppid, '0', random].join('-')
  return ['0123456789abcdef', pid, started, random].join('-')
}

test('owners are told apart', () => {
  expect(ownerState(ownedName())).toBe('self')
  expect(ownerState(named('dead'))).toBe('gone')
  expect(ownerState(named('running'))).toBe('running')
  expect(ownerState(named('foreign'))).toBe('unknown')
  expect(ownerState('')).toBe('unknown')
  expect(ownerState('../../etc/passwd')).toBe('unknown')
  expect(ownedName()).not.toBe(ownedName())
})

describe('withLock', () => {
  test('lets one in at a time, and leaves nothing', async () => {
    const directory = temporaryDirectory()
    const path = join(directory, 'lock')
    let inside = 0
    let most = 0
    const tasks = Array.from({ length: 20 }, () =>
      withLock(path, { timeout: 20_000 }, async (isHeld) => {
        most = Math.max(most, ++inside)
        await sleep(2)
        expect(isHeld()).toBe(true)
        inside--
      }),
    )
    await Promise.all(tasks)
    expect(most).toBe(1)
    expect(readdirSync(directory)).toEqual([])
  })

  test('gives what the task gives, and is released when it fails', async () => {
    const directory = temporaryDirectory()
    const path = join(directory, 'lock')
    expect(await withLock(path, { timeout: 100 }, async () => 7)).toBe(7)
    const failure = new Error('task')
    const failing = withLock(path, { timeout: 100 }, async () => {
      throw failure
    })
    await expect(failing).rejects.toBe(failure)
    expect(readdirSync(directory)).toEqual([])
  })

  for (const kind of ['a link', 'a file']) {
    test(`removes the lock of a dead process, which is ${kind}, at once and for one only`, async () => {
      const directory = temporaryDirectory()
      const path = join(directory, 'lock')
      for (let round = 0; round < 20; round++) {
        if (kind === 'a link') symlinkSync(named('dead'), path)
        else writeFileSync(path, named('dead'))
        let inside = 0
        const tasks = Array.from({ length: 5 }, () =>
          withLock(path, { timeout: 5000 }, async () => {
            expect(++inside).toBe(1)
            await sleep(1)
            inside--
          }),
        )
        await Promise.all(tasks)
        expect(readdirSync(directory)).toEqual([])
      }
    })
  }

  test('removes a dead lock although who began to remove it died as well', async () => {
    const directory = temporaryDirectory()
    const path = join(directory, 'lock')
    const dead = named('dead')
    symlinkSync(dead, path)
    // The second lock is there only while the first is removed: its name is learned by watching that.
    const names: string[] = []
    const original = (await fs()).symlinkSync
    const watched = vi.spyOn(await fs(), 'symlinkSync').mockImplementation((target, at, type) => {
      names.push(String(at))
      original(target, at, type)
    })
    await withLock(path, { timeout: 1000 }, async () => {})
    watched.mockRestore()
    const breaker = names.find((name) => name !== path) ?? ''
    expect(breaker.startsWith(`${path}.`)).toBe(true)

    symlinkSync(dead, path)
    symlinkSync(named('dead'), breaker)
    await withLock(path, { timeout: 1000 }, async () => {})
    expect(readdirSync(directory)).toEqual([])
  })

  test('waits for a process that runs, then says who it is', async () => {
    const path = join(temporaryDirectory(), 'lock')
    symlinkSync(named('running'), path)
    const waiting = withLock(path, { timeout: 50 }, async () => {})
    await expect(waiting).rejects.toMatchObject({ code: 'LOCK_TIMEOUT', path })
    await expect(withLock(path, { timeout: 50 }, async () => {})).rejects.toThrow(`process ${process.ppid}`)
    expect(lstatSync(path).isSymbolicLink()).toBe(true)
  })

  test('stops waiting when it is aborted', async () => {
    const path = join(temporaryDirectory(), 'lock')
    symlinkSync(named('running'), path)
    const abort = new AbortController()
    const reason = new Error('enough')
    setTimeout(() => abort.abort(reason), 10)
    const waiting = withLock(path, { timeout: 60_000, signal: abort.signal }, async () => {})
    await expect(waiting).rejects.toBe(reason)
  })

  test('takes the lock of another machine only after ten seconds without a sign of life', async () => {
    const path = join(temporaryDirectory(), 'lock')
    symlinkSync(named('foreign'), path)
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout', 'performance'] })
    try {
      let held = false
      const { lutimesSync } = await fs()
      const waiting = withLock(path, { timeout: 60_000 }, async () => {
        held = true
      })
      for (let second = 1; second <= 15; second++) {
        await vi.advanceTimersByTimeAsync(1000)
        lutimesSync(path, second, second)
      }
      expect(held).toBe(false)
      await vi.advanceTimersByTimeAsync(9000)
      expect(held).toBe(false)
      await vi.advanceTimersByTimeAsync(2000)
      expect(held).toBe(true)
      await waiting
    } finally {
      vi.useRealTimers()
    }
  })

  test('a holder gives signs of life, and learns that its lock was taken', async () => {
    const directory = temporaryDirectory()
    const path = join(directory, 'lock')
    vi.useFakeTimers({ toFake: ['setInterval', 'clearInterval'] })
    try {
      await withLock(path, { timeout: 100 }, async (isHeld) => {
        const { lutimesSync, unlinkSync } = await fs()
        lutimesSync(path, 1, 1)
        await vi.advanceTimersByTimeAsync(2500)
        await vi.waitFor(() => expect(lstatSync(path).mtimeMs).toBeGreaterThan(1000))
        expect(isHeld()).toBe(true)
        unlinkSync(path)
        expect(isHeld()).toBe(false)
        symlinkSync(named('running'), path)
        expect(isHeld()).toBe(false)
      })
    } finally {
      vi.useRealTimers()
    }
    // The lock that is another's by now is left to it.
    expect(readdirSync(directory)).toEqual(['lock'])
  })

  test('something else at its path is no lock and is not opened', async () => {
    const path = join(temporaryDirectory(), 'lock')
    mkdirSync(path)
    await expect(withLock(path, { timeout: 100 }, async () => {})).rejects.toMatchObject({
      code: 'PATH_UNSAFE',
    })
  })
})

/** The file system as the library sees it, so that its calls can be watched. */
async function fs(): Promise<typeof import('node:fs')> {
  return process.getBuiltinModule('node:fs')
}
