import { execFileSync } from 'node:child_process'
import fs, {
  appendFileSync,
  chmodSync,
  existsSync,
  linkSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  truncateSync,
  utimesSync,
  writeFileSync,
} from 'node:fs'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { describe, expect, test, vi } from 'vitest'
import { digestBytes } from '../../src/digest/index.ts'
import type { Descriptor } from '../../src/spec/index.ts'
import { DirectoryStore, readBlob, readBlobBytes } from '../../src/store/index.ts'
import { ownedName } from '../../src/store/process-identity.ts'
import { describeImageStore } from '../../src/testing/index.ts'
import { collect, temporaryDirectory } from './temporary-directory.ts'

describeImageStore('DirectoryStore', () => DirectoryStore.create(temporaryDirectory(), { sync: false }), {
  describe,
  test,
})

describeImageStore(
  'DirectoryStore with shared blobs',
  () =>
    DirectoryStore.create(temporaryDirectory(), { sync: false, sharedBlobDirectory: temporaryDirectory() }),
  // The list is of the layout's own blobs, and only these are deleted.
  { describe, test, without: ['list', 'delete'] },
)

const bytes = new Uint8Array(300_000).map((_, i) => (i * 31) % 251)
const descriptor: Descriptor = {
  mediaType: 'application/octet-stream',
  digest: digestBytes(bytes),
  size: bytes.length,
}

/** Where a blob of a layout is. */
function blobPath(store: DirectoryStore, of: Descriptor): string {
  return join(store.path, 'blobs', ...of.digest.split(':'))
}

/** All files of a layout. */
function files(store: DirectoryStore): string[] {
  return readdirSync(store.path, { recursive: true }).map(String).sort()
}

describe('opening', () => {
  test('by path and by file: URL', async () => {
    const { path } = await DirectoryStore.create(pathToFileURL(join(temporaryDirectory(), 'a b')))
    expect((await DirectoryStore.open(path)).path).toBe(path)
    expect((await DirectoryStore.open(pathToFileURL(path))).path).toBe(path)
    expect((await DirectoryStore.open(pathToFileURL(path).href)).path).toBe(path)
    await expect(DirectoryStore.open(new URL('https://example.com/'))).rejects.toMatchObject({
      code: 'ARGUMENT_INVALID',
    })
  })

  test('what is no layout is refused with the reason', async () => {
    const directory = temporaryDirectory()
    const refused = async (path: string, code: string, message: string): Promise<void> => {
      await expect(DirectoryStore.open(path)).rejects.toMatchObject({
        code,
        message: expect.stringContaining(message),
      })
    }
    await refused(join(directory, 'absent'), 'PATH_NOT_FOUND', 'nothing is there')
    await refused(directory, 'LAYOUT_INVALID', 'no oci-layout file')
    const marker = join(directory, 'oci-layout')
    writeFileSync(marker, '{"imageLayoutVersion":"2.0.0"}')
    await refused(marker, 'LAYOUT_INVALID', 'no directory')
    await refused(directory, 'LAYOUT_INVALID', 'version "2.0.0": only 1.0.0 is known')
    writeFileSync(marker, '{"imageLayoutVersion":')
    await refused(directory, 'LAYOUT_INVALID', 'oci-layout file is broken')
    writeFileSync(marker, ' '.repeat(70_000))
    await refused(directory, 'LIMIT_EXCEEDED', '70000 bytes')
    writeFileSync(marker, '{"imageLayoutVersion":"1.0.0"}')
    await refused(directory, 'LAYOUT_INVALID', 'no blobs directory')
    mkdirSync(join(directory, 'blobs'))
    await refused(directory, 'LAYOUT_INVALID', 'no index.json')
    const index = join(directory, 'index.json')
    writeFileSync(index, '{"schemaVersion":1,"manifests":[]}')
    await refused(directory, 'LAYOUT_INVALID', 'index.json" is no index')
    writeFileSync(index, '{"schemaVersion":2,"manifests":[]}')
    expect((await (await DirectoryStore.open(directory)).index()).manifests).toEqual([])
    const small = { maxIndexSize: 20 }
    await expect(DirectoryStore.open(directory, small)).rejects.toMatchObject({ code: 'LIMIT_EXCEEDED' })
  })

  test('readOnly refuses every change', async () => {
    const { path } = await DirectoryStore.create(temporaryDirectory())
    const store = await DirectoryStore.open(path, { readOnly: true })
    const refused = { code: 'STORE_UNSUPPORTED', path }
    await expect(store.put(bytes)).rejects.toMatchObject(refused)
    await expect(store.putFile(join(path, 'index.json'))).rejects.toMatchObject(refused)
    await expect(store.delete(descriptor)).rejects.toMatchObject(refused)
    await expect(store.tag(descriptor, 'v1')).rejects.toMatchObject(refused)
    await expect(store.untag('v1')).rejects.toMatchObject(refused)
  })
})

describe('creating', () => {
  test('writes what the specification asks for', async () => {
    const { path } = await DirectoryStore.create(join(temporaryDirectory(), 'deep', 'er'))
    expect(readdirSync(path, { recursive: true }).sort()).toEqual([
      'blobs',
      'blobs/sha256',
      'index.json',
      'oci-layout',
    ])
    expect(JSON.parse(readFileSync(join(path, 'oci-layout'), 'utf8'))).toEqual({
      imageLayoutVersion: '1.0.0',
    })
  })

  test('never where something is', async () => {
    const directory = temporaryDirectory()
    writeFileSync(join(directory, 'index.json'), '{"name":"of a project"}')
    await expect(DirectoryStore.create(directory)).rejects.toMatchObject({ code: 'LAYOUT_INVALID' })
    expect(readdirSync(directory)).toEqual(['index.json'])
    const { path } = await DirectoryStore.create(join(directory, 'layout'))
    await expect(DirectoryStore.create(path)).rejects.toThrow('is an image layout already')
  })

  test('completes what a killed process began', async () => {
    const { path } = await DirectoryStore.create(temporaryDirectory())
    for (const name of ['oci-layout', 'index.json', 'blobs/sha256', 'blobs']) {
      rmSync(join(path, name), { recursive: true })
      const store = await DirectoryStore.create(path)
      expect(files(store)).toEqual(['blobs', 'blobs/sha256', 'index.json', 'oci-layout'])
      rmSync(join(path, 'oci-layout'))
    }
  })

  test('openOrCreate opens what is there', async () => {
    const store = await DirectoryStore.openOrCreate(join(temporaryDirectory(), 'x'))
    await store.tag(await store.put(bytes), 'v1')
    const again = await DirectoryStore.openOrCreate(store.path)
    expect((await again.resolve('v1')).digest).toBe(descriptor.digest)
  })
})

describe('blobs on disk', () => {
  test('are where the specification puts them, for all to read, and nothing else is left', async () => {
    const store = await DirectoryStore.create(temporaryDirectory())
    await store.put(bytes, descriptor)
    await expect(store.put(bytes, { size: 1 })).rejects.toMatchObject({ code: 'SIZE_MISMATCH' })
    expect(readFileSync(blobPath(store, descriptor))).toEqual(Buffer.from(bytes))
    const umask = process.umask()
    expect(statSync(blobPath(store, descriptor)).mode & 0o777).toBe(0o666 & ~umask)
    const encoded = descriptor.digest.slice(7)
    expect(files(store)).toEqual([
      'blobs',
      'blobs/sha256',
      `blobs/sha256/${encoded}`,
      'index.json',
      'oci-layout',
    ])
  })

  test('that are truncated, altered, oversized or missing are refused by code when they are read', async () => {
    const store = await DirectoryStore.create(temporaryDirectory())
    const path = blobPath(store, descriptor)
    const drain = async (): Promise<void> => {
      for await (const _ of await readBlob(store, descriptor));
    }
    await store.put(bytes, descriptor)
    await drain()
    truncateSync(path, 299_999)
    await expect(drain()).rejects.toMatchObject({ code: 'SIZE_MISMATCH', actual: 299_999 })
    const altered = bytes.slice()
    altered[200_000] = 255
    writeFileSync(path, altered)
    await expect(drain()).rejects.toMatchObject({ code: 'DIGEST_MISMATCH', digest: descriptor.digest })
    writeFileSync(path, bytes)
    appendFileSync(path, 'x')
    await expect(drain()).rejects.toMatchObject({ code: 'SIZE_MISMATCH', actual: 300_001 })
    rmSync(path)
    await expect(drain()).rejects.toMatchObject({ code: 'BLOB_NOT_FOUND', digest: descriptor.digest })
  })

  test('that are cut short are made whole by the next put', async () => {
    const store = await DirectoryStore.create(temporaryDirectory())
    await store.put(bytes, descriptor)
    truncateSync(blobPath(store, descriptor), 10)
    await store.put(bytes, descriptor)
    expect(await readBlobBytes(store, descriptor)).toEqual(bytes)
  })

  test('what is no blob beside them is not listed', async () => {
    const store = await DirectoryStore.create(temporaryDirectory())
    await store.put(bytes, descriptor)
    writeFileSync(join(store.path, 'blobs', 'sha256', 'README'), '')
    writeFileSync(join(store.path, 'blobs', 'README'), '')
    mkdirSync(join(store.path, 'blobs', 'sha256', 'a'.repeat(64)))
    expect(await collect(store.list())).toEqual([descriptor.digest])
  })

  test('in the shared directory are read first, and written there alone', async () => {
    const shared = temporaryDirectory()
    const { path } = await DirectoryStore.create(temporaryDirectory())
    const plain = await DirectoryStore.open(path)
    const own = await plain.put(Uint8Array.of(1, 2, 3))
    const store = await DirectoryStore.open(path, { sharedBlobDirectory: pathToFileURL(shared) })
    await store.put(bytes, descriptor)
    expect(existsSync(join(shared, 'sha256', descriptor.digest.slice(7)))).toBe(true)
    expect(await plain.has(descriptor)).toBe(false)
    expect(await store.has(own)).toBe(true)
    expect(await readBlobBytes(store, own)).toEqual(Uint8Array.of(1, 2, 3))
    await store.delete(descriptor)
    expect(await store.has(descriptor)).toBe(true)
    expect(readdirSync(shared)).toEqual(['sha256'])
    rmSync(join(path, 'blobs'), { recursive: true })
    const without = await DirectoryStore.open(path, { sharedBlobDirectory: shared })
    expect(await without.has(descriptor)).toBe(true)
    expect(await without.has(own)).toBe(false)
  })

  test('temporary files of dead processes go, those of living ones stay', async () => {
    const store = await DirectoryStore.create(temporaryDirectory())
    const [machine, pid, started, random] = ownedName().split('-')
    const name = (...parts: unknown[]): string => join(store.path, `.oci-ts-${parts.join('-')}.tmp`)
    const dead = name(machine, pid, '1', random)
    const alive = name(machine, pid, started, random)
    const parent = name(machine, process.ppid, '0', random)
    const foreign = name('0123456789abcdef', pid, started, random)
    const abandoned = name('fedcba9876543210', pid, started, random)
    const other = join(store.path, 'mine.tmp')
    for (const path of [dead, alive, parent, foreign, abandoned, other]) writeFileSync(path, '')
    const yesterday = Date.now() / 1000 - 25 * 60 * 60
    for (const path of [abandoned, other, alive, parent]) utimesSync(path, yesterday, yesterday)
    await store.put(bytes)
    const left = [dead, alive, parent, foreign, abandoned, other].filter((path) => existsSync(path))
    expect(left).toEqual([alive, parent, foreign, other])
  })

  test('a stream that is not read, or left, keeps no file open', async () => {
    const store = await DirectoryStore.create(temporaryDirectory(), { sync: false })
    const large = await store.put(new Uint8Array(3_000_000))
    const open = (): number => readdirSync('/proc/self/fd').length
    if (!existsSync('/proc/self/fd')) return
    const before = open()
    for (let i = 0; i < 50; i++) {
      await store.get(large)
      const reader = (await store.get(large)).getReader()
      await reader.read()
      await reader.cancel()
      const abort = new AbortController()
      const aborted = (await store.get(large, { signal: abort.signal })).getReader()
      await aborted.read()
      abort.abort()
      await expect(aborted.read()).rejects.toThrow()
    }
    expect(open() - before).toBeLessThan(5)
  })

  test('many small chunks arrive in order', async () => {
    const store = await DirectoryStore.create(temporaryDirectory(), { sync: false })
    const whole = new Uint8Array(5_000_000).map((_, i) => (i * 7) % 253)
    const cuts = async function* (): AsyncGenerator<Uint8Array> {
      for (let i = 0, step = 1; i < whole.length; i += step, step = (step * 31) % 400_009) {
        yield whole.subarray(i, i + step)
      }
    }
    const stored = await store.put(cuts())
    expect(stored.digest).toBe(digestBytes(whole))
    // Verified as it is read; comparing five million elements one by one would take a minute.
    expect((await readBlobBytes(store, stored, { maxSize: 1 << 23 })).length).toBe(whole.length)
  })

  test('a disk that refuses to write leaves nothing and says so', async () => {
    const store = await DirectoryStore.create(temporaryDirectory(), { sync: false })
    const full = Object.assign(new Error('ENOSPC: no space left on device, write'), { code: 'ENOSPC' })
    const spy = vi
      .spyOn(process.getBuiltinModule('node:fs'), 'write')
      .mockImplementation(((...args: unknown[]) => (args.at(-1) as (error: Error) => void)(full)) as never)
    try {
      for (const content of [bytes, bytes.subarray(0, 10)]) {
        await expect(store.put(content)).rejects.toMatchObject({ code: 'STORE_FAILED', cause: full })
      }
    } finally {
      spy.mockRestore()
    }
    expect(files(store)).toEqual(['blobs', 'blobs/sha256', 'index.json', 'oci-layout'])
  })
})

describe('referrers', () => {
  test('are found whoever wrote them; damaged ones are passed by until they are sound', async () => {
    const store = await DirectoryStore.create(temporaryDirectory(), { sync: false })
    const empty = {
      mediaType: 'application/vnd.oci.empty.v1+json',
      digest: digestBytes(new Uint8Array(2)),
      size: 2,
    }
    const manifest = (artifactType: string): Buffer =>
      Buffer.from(
        JSON.stringify({
          schemaVersion: 2,
          artifactType,
          config: empty,
          layers: [empty],
          subject: descriptor,
        }),
      )
    const [sound, changed] = [manifest('application/x.one'), manifest('application/x.two')]
    const write = (named: Uint8Array, content: Uint8Array): void =>
      writeFileSync(join(store.path, 'blobs', 'sha256', digestBytes(named).slice(7)), content)
    write(sound, sound)
    write(changed, Buffer.from(changed.toString().replace('x.two', 'x.bad')))
    write(Buffer.from('large'), new Uint8Array(5_000_000).fill(0x7b))
    write(Buffer.from('broken'), Buffer.from('{"subject":'))
    const types = async (): Promise<unknown[]> =>
      (await collect(store.referrers(descriptor))).map(({ artifactType }) => artifactType).sort()
    expect(await types()).toEqual(['application/x.one'])
    write(changed, changed)
    expect(await types()).toEqual(['application/x.one', 'application/x.two'])
    const [first] = await collect(store.referrers(descriptor, { artifactType: 'application/x.one' }))
    expect(first?.mediaType).toBe('application/vnd.oci.image.manifest.v1+json')
  })
})

describe('putFile', () => {
  test('copies the file: what becomes of it later does not matter', async () => {
    const store = await DirectoryStore.create(temporaryDirectory())
    const file = join(temporaryDirectory(), 'content')
    writeFileSync(file, bytes)
    expect(await store.putFile(file, { mediaType: 'text/plain' })).toEqual({
      ...descriptor,
      mediaType: 'text/plain',
    })
    appendFileSync(file, 'more')
    expect(await readBlobBytes(store, descriptor)).toEqual(bytes)
  })

  test('links the file where that is asked for, twice as well', async () => {
    const store = await DirectoryStore.create(temporaryDirectory())
    const file = join(temporaryDirectory(), 'content')
    writeFileSync(file, bytes)
    expect(await store.putFile(pathToFileURL(file), descriptor, { link: true })).toEqual(descriptor)
    expect(statSync(blobPath(store, descriptor)).ino).toBe(statSync(file).ino)
    await store.putFile(file, {}, { link: true })
    expect(statSync(file).nlink).toBe(2)
    expect(files(store)).toHaveLength(5)
  })

  test.skipIf(process.platform === 'win32')('refuses a FIFO without opening it', async () => {
    const store = await DirectoryStore.create(temporaryDirectory())
    const fifo = join(temporaryDirectory(), 'fifo')
    execFileSync('mkfifo', [fifo])
    const copy = vi.spyOn(fs, 'copyFileSync').mockImplementation(() => {
      throw new Error('waits for a writer for ever')
    })
    const link = vi.spyOn(fs, 'linkSync')
    await expect(store.putFile(fifo)).rejects.toMatchObject({ code: 'PATH_UNSAFE', path: fifo })
    await expect(store.putFile(fifo, {}, { link: true })).rejects.toMatchObject({ code: 'PATH_UNSAFE' })
    expect(copy).not.toHaveBeenCalled()
    expect(link).not.toHaveBeenCalled()
    vi.restoreAllMocks()
  })

  test('keeps nothing of a file that is not as expected, and leaves the file', async () => {
    const store = await DirectoryStore.create(temporaryDirectory())
    const file = join(temporaryDirectory(), 'content')
    writeFileSync(file, bytes.subarray(1))
    for (const link of [true, false]) {
      const put = store.putFile(file, descriptor, { link })
      await expect(put).rejects.toMatchObject({ code: 'SIZE_MISMATCH', digest: descriptor.digest })
      const { digest } = descriptor
      await expect(store.putFile(file, { digest }, { link })).rejects.toMatchObject({
        code: 'DIGEST_MISMATCH',
      })
    }
    expect(files(store)).toEqual(['blobs', 'blobs/sha256', 'index.json', 'oci-layout'])
    expect(statSync(file)).toMatchObject({ nlink: 1, size: bytes.length - 1 })
    const absent = store.putFile(join(store.path, 'absent'))
    await expect(absent).rejects.toMatchObject({ code: 'PATH_NOT_FOUND' })
    linkSync(file, join(store.path, 'other-link'))
  })
})

test('a layout that another process completes while it is made is opened', async () => {
  const path = temporaryDirectory()
  const made = await DirectoryStore.create(join(path, 'made'))
  await made.tag(descriptor, 'v1')
  const look = vi.spyOn(fs, 'readdirSync').mockImplementationOnce(() => {
    fs.cpSync(made.path, join(path, 'new'), { recursive: true })
    return ['blobs', 'index.json', 'oci-layout'] as never
  })
  const store = await DirectoryStore.openOrCreate(join(path, 'new'))
  look.mockRestore()
  expect(await store.resolve('v1')).toMatchObject(descriptor)
})

test('a shared blob directory that is absent is made when something is put', async () => {
  const shared = join(temporaryDirectory(), 'shared', 'blobs')
  const store = await DirectoryStore.create(temporaryDirectory(), {
    sync: false,
    sharedBlobDirectory: shared,
  })
  expect(await store.has(descriptor)).toBe(false)
  expect(existsSync(shared)).toBe(false)
  await store.put(bytes)
  expect(readdirSync(shared, { recursive: true })).toHaveLength(2)
})

describe('index.json', () => {
  test('changes that share a signal do not wait for the lock once it is aborted', async () => {
    const store = await DirectoryStore.create(temporaryDirectory(), { sync: false, lockTimeout: 60_000 })
    symlinkSync('somebody', join(store.path, '.oci-ts.lock'))
    const reason = new Error('enough')
    const stop = new AbortController()
    const { signal } = stop
    const tags = ['a', 'b'].map((name) => store.tag(descriptor, name, { signal }))
    const ended = Promise.allSettled(tags)
    setTimeout(() => stop.abort(reason), 20)
    // Somebody's lock is taken for abandoned after ten seconds.
    const late = new Promise((resolve) => setTimeout(resolve, 5000, 'late'))
    const rejected = { status: 'rejected', reason }
    expect(await Promise.race([ended, late])).toEqual([rejected, rejected])
  })

  test('that has no room for all of several changes takes those that it has room for', async () => {
    const store = await DirectoryStore.create(temporaryDirectory(), { sync: false, maxIndexSize: 2000 })
    const large = { ...descriptor, annotations: { note: 'x'.repeat(3000) } }
    const made = await Promise.allSettled([
      store.tag(descriptor, 'before'),
      store.tag(large, 'large'),
      store.tag(descriptor, 'after'),
    ])
    expect(made.map(({ status }) => status)).toEqual(['fulfilled', 'rejected', 'fulfilled'])
    expect(made[1]).toMatchObject({ reason: { code: 'LIMIT_EXCEEDED' } })
    expect((await collect(store.references())).map(({ name }) => name)).toEqual(['before', 'after'])
  })

  test('keeps unknown fields, order and layout of the text when a name is set and forgotten', async () => {
    const { path } = await DirectoryStore.create(temporaryDirectory())
    const file = join(path, 'index.json')
    const entry = (name: string): string => `{
      "size": ${bytes.length},
      "x-unknown": {"2": 1e3, "1": [ ], "__proto__": 12345678901234567890},
      "digest": "${descriptor.digest}",
      "mediaType": "application/octet-stream",
      "annotations": { "org.opencontainers.image.ref.name": "${name}", "z": "1", "a": "2" }
    }`
    const text = (entries: string[]): string =>
      `{\n  "x-first": null,\n  "manifests": [\n    ${entries.join(',\n    ')}\n  ],\n  "schemaVersion": 2\n}\n`
    writeFileSync(file, text([entry('a'), entry('b')]))
    const store = await DirectoryStore.open(path)
    await store.tag(descriptor, 'c')
    const tagged = readFileSync(file, 'utf8')
    expect(
      tagged.startsWith(text([entry('a'), entry('b')]).slice(0, -'\n  ],\n  "schemaVersion": 2\n}\n'.length)),
    ).toBe(true)
    expect(tagged.endsWith('\n  ],\n  "schemaVersion": 2\n}\n')).toBe(true)
    await store.untag('c')
    expect(readFileSync(file, 'utf8')).toBe(text([entry('a'), entry('b')]))
    await store.untag('a')
    expect(readFileSync(file, 'utf8')).toBe(text([entry('b')]))
  })

  test('with manifests: null, as umoci begins, takes a name', async () => {
    const { path } = await DirectoryStore.create(temporaryDirectory())
    writeFileSync(join(path, 'index.json'), '{"schemaVersion":2,"manifests":null}')
    const store = await DirectoryStore.open(path)
    await store.tag(descriptor, 'v1')
    expect((await store.resolve('v1')).digest).toBe(descriptor.digest)
  })

  test('is not written where nothing changes, and keeps its mode where it is', async () => {
    const store = await DirectoryStore.create(temporaryDirectory())
    const file = join(store.path, 'index.json')
    chmodSync(file, 0o664)
    await store.tag(descriptor, 'v1')
    const { ino, mode } = statSync(file)
    expect(mode & 0o777).toBe(0o664)
    await store.untag('absent')
    await store.tag(descriptor, 'v1')
    expect(statSync(file).ino).toBe(ino)
  })

  test('never grows beyond what is read again', async () => {
    const { path } = await DirectoryStore.create(temporaryDirectory())
    const store = await DirectoryStore.open(path, { maxIndexSize: 400 })
    await store.tag(descriptor, 'v1')
    await expect(store.tag(descriptor, 'v2')).rejects.toMatchObject({ code: 'LIMIT_EXCEEDED', expected: 400 })
    expect((await store.index()).manifests).toHaveLength(1)
  })

  test('one change that is refused leaves those asked for with it alone', async () => {
    const store = await DirectoryStore.create(temporaryDirectory())
    const outcomes = await Promise.allSettled([
      store.tag(descriptor, 'a'),
      store.tag(descriptor, 'not a name'),
      store.tag(descriptor, 'b'),
      store.untag('a'),
      store.tag({ ...descriptor, size: -1 }, 'c'),
    ])
    expect(outcomes.map(({ status }) => status)).toEqual([
      'fulfilled',
      'rejected',
      'fulfilled',
      'fulfilled',
      'rejected',
    ])
    expect((await collect(store.references())).map(({ name }) => name)).toEqual(['b'])
  })

  test('what other processes change is seen at once', async () => {
    const one = await DirectoryStore.create(temporaryDirectory())
    const two = await DirectoryStore.open(one.path)
    await one.tag(descriptor, 'v1')
    expect((await two.resolve('v1')).digest).toBe(descriptor.digest)
    await two.untag('v1')
    await expect(one.resolve('v1')).rejects.toMatchObject({ code: 'REFERENCE_NOT_FOUND' })
  })

  test('a holder that lost its lock begins anew instead of overwriting', async () => {
    const store = await DirectoryStore.create(temporaryDirectory(), { sync: true })
    const other = await DirectoryStore.open(store.path, { sync: false })
    const fs = process.getBuiltinModule('node:fs')
    const original = fs.fdatasync
    // While the new index is being synced, the lock is taken for dead, and another tags.
    const spy = vi.spyOn(fs, 'fdatasync').mockImplementationOnce(((fd: number, done: () => void) => {
      rmSync(join(store.path, '.oci-ts.lock'))
      void other.tag(descriptor, 'other').then(() => original(fd, done))
    }) as never)
    await store.tag(descriptor, 'own')
    spy.mockRestore()
    expect((await collect(store.references())).map(({ name }) => name)).toEqual(['other', 'own'])
  })
})

test('where there is no file system, it says so', async () => {
  const spy = vi.spyOn(process, 'getBuiltinModule').mockReturnValue(undefined as never)
  try {
    await expect(DirectoryStore.open('x')).rejects.toMatchObject({ code: 'RUNTIME_UNSUPPORTED' })
  } finally {
    spy.mockRestore()
  }
})
