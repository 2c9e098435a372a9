/**
 * GNU tar and Python's tarfile read what we write, and we read what they write, in each of their formats. Where
 * they differ from us the test says how: these are the known differences.
 */
import { execFileSync } from 'node:child_process'
import {
  chmodSync,
  linkSync,
  lstatSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  rmSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join as joinPath } from 'node:path'
import fc from 'fast-check'
import { afterAll, describe, expect } from 'vitest'
import type { TarEntryInput, TarHeader } from '../../src/tar/index.ts'
import { archiveOf, list } from '../tar/listing.ts'
import type { RandomEntry } from '../tar/random-entry.ts'
import { randomEntry } from '../tar/random-entry.ts'
import { utf8 } from '../tar/raw-archive.ts'
import { peerTest, runPeer } from './peers.ts'

const work = mkdtempSync(joinPath(tmpdir(), 'tar-interop-'))
afterAll(() => rmSync(work, { recursive: true, force: true }))

/** Names are passed as base64: they need not be UTF-8. Python marks undecodable bytes as lone surrogates. */
const pythonReads = `
import sys, tarfile, json, base64
def b(text): return base64.b64encode(text.encode('utf-8', 'surrogateescape')).decode()
out = []
with tarfile.open(fileobj=sys.stdin.buffer, mode='r|', encoding='utf-8', errors='surrogateescape') as archive:
    for member in archive:
        content = archive.extractfile(member).read() if member.isreg() else b''
        out.append({
            'path': b(member.name), 'link': b(member.linkname), 'type': member.type.decode(),
            'mode': member.mode, 'uid': member.uid, 'gid': member.gid, 'size': member.size,
            'mtime': member.mtime, 'uname': b(member.uname), 'gname': b(member.gname),
            'major': member.devmajor, 'minor': member.devminor,
            'pax': {b(key): b(str(value)) for key, value in member.pax_headers.items()},
            'content': base64.b64encode(content).decode(),
        })
json.dump(out, sys.stdout)
`

const pythonWrites = `
import sys, tarfile, json, base64, io
def t(text): return base64.b64decode(text).decode('utf-8', 'surrogateescape')
request = json.load(sys.stdin)
formats = {'ustar': tarfile.USTAR_FORMAT, 'gnu': tarfile.GNU_FORMAT, 'pax': tarfile.PAX_FORMAT}
with tarfile.open(fileobj=sys.stdout.buffer, mode='w|', format=formats[request['format']], encoding='utf-8', errors='surrogateescape') as archive:
    for entry in request['entries']:
        member = tarfile.TarInfo(t(entry['path']))
        member.type = entry['type'].encode()
        member.linkname = t(entry['link'])
        member.mode, member.uid, member.gid, member.mtime = entry['mode'], entry['uid'], entry['gid'], entry['mtime']
        member.uname, member.gname = t(entry['uname']), t(entry['gname'])
        member.devmajor, member.devminor = entry['major'], entry['minor']
        content = base64.b64decode(entry['content'])
        member.size = len(content)
        archive.addfile(member, io.BytesIO(content))
`

interface PythonMember {
  path: string
  link: string
  type: string
  mode: number
  uid: number
  gid: number
  size?: number
  mtime: number
  uname: string
  gname: string
  major: number
  minor: number
  pax?: Record<string, string>
  content: string
}

const typeflags = {
  file: '0',
  link: '1',
  symlink: '2',
  'character-device': '3',
  'block-device': '4',
  directory: '5',
  fifo: '6',
} as const

const base64 = (bytes: Uint8Array): string => Buffer.from(bytes).toString('base64')

function asPython(
  entry: TarEntryInput & Pick<TarHeader, 'mtime' | 'type'>,
  content: Uint8Array,
): PythonMember {
  const path = entry.pathBytes ?? utf8(entry.path)
  let end = path.length
  // Python takes the slashes off the end of a directory's name.
  if (entry.type === 'directory') while (end > 0 && path[end - 1] === 0x2f) end--
  return {
    path: base64(path.subarray(0, end)),
    link: base64(entry.linkPathBytes ?? utf8(entry.linkPath ?? '')),
    type: typeflags[entry.type],
    mode: entry.mode! + (entry.modeExtra ?? 0),
    uid: entry.uid!,
    gid: entry.gid!,
    // Python keeps times as floating point numbers.
    mtime: entry.mtime.seconds + entry.mtime.nanoseconds / 1e9,
    uname: base64(utf8(entry.uname!)),
    gname: base64(utf8(entry.gname!)),
    major: entry.deviceMajor!,
    minor: entry.deviceMinor!,
    content: base64(content),
  }
}

/** The entry with small numbers where they were large, so that more entries fit every format. */
function tame(entry: RandomEntry, i: number): RandomEntry {
  if (i % 2 === 0) return entry
  const { seconds } = entry.mtime as TarHeader['mtime']
  return {
    ...entry,
    modeExtra: undefined,
    uid: Math.abs(entry.uid!) % 8 ** 7,
    gid: Math.abs(entry.gid!) % 8 ** 7,
    mtime: { seconds: Math.abs(seconds) % 8 ** 11, nanoseconds: 0 },
  }
}

/** As many random entries as one run of a peer is worth, the same each time. */
function samples(seed: number): RandomEntry[] {
  return fc.sample(randomEntry, { numRuns: 400, seed })
}

describe('Python’s tarfile', () => {
  peerTest('reads what we write, field by field', ['python3'], async () => {
    const written = samples(1)
    const { stdout } = await runPeer('python3', ['-c', pythonReads], { input: await archiveOf(written) })
    const read = JSON.parse(stdout) as PythonMember[]
    expect(read).toHaveLength(written.length)
    for (const [i, { size, pax, mtime, ...fields }] of read.entries()) {
      const { content, ...entry } = written[i]!
      const { mtime: expectedTime, ...expected } = asPython(entry as typeof entry & TarHeader, content)
      expect(fields).toEqual(expected)
      expect(size).toBe(content.length)
      expect(Math.abs(mtime - expectedTime)).toBeLessThanOrEqual(Math.abs(expectedTime) * 1e-9 + 1e-6)
      for (const [name, value] of entry.xattrs!) {
        expect(pax![base64(utf8(`SCHILY.xattr.${name}`))]).toBe(base64(value))
      }
    }
  })

  for (const format of ['ustar', 'gnu', 'pax']) {
    peerTest(`writes ${format} that we read`, ['python3'], async () => {
      const fits = (entry: RandomEntry) => {
        const { seconds, nanoseconds } = entry.mtime as TarHeader['mtime']
        const size = (text: string) => utf8(text).length
        const path = entry.pathBytes ?? utf8(entry.path)
        // What each format cannot hold, Python refuses or cuts; to the nanosecond its floats never are.
        const ids = [entry.uid!, entry.gid!]
        return (
          (entry.modeExtra ?? 0) === 0 &&
          size(entry.uname!) <= (format === 'pax' ? 100 : 31) &&
          size(entry.gname!) <= (format === 'pax' ? 100 : 31) &&
          (entry.pathBytes === undefined || format !== 'pax') &&
          (entry.linkPathBytes === undefined || format !== 'pax') &&
          nanoseconds === 0 &&
          Math.abs(seconds) < 2 ** 50 &&
          (format !== 'ustar' ||
            (path.length <= 100 &&
              (entry.linkPathBytes ?? utf8(entry.linkPath!)).length <= 100 &&
              seconds >= 0 &&
              seconds < 8 ** 11 &&
              ids.every((id) => id >= 0 && id < 8 ** 7)))
        )
      }
      const entries = samples(2).map(tame).filter(fits)
      expect(entries.length).toBeGreaterThan(20)
      const request = JSON.stringify({
        format,
        entries: entries.map(({ content, ...entry }) => asPython(entry as typeof entry & TarHeader, content)),
      })
      const { output } = await runPeer('python3', ['-c', pythonWrites], { input: request })
      const { entries: read } = list(new Uint8Array(output))
      expect(read).toHaveLength(entries.length)
      for (const [i, { header, content }] of read.entries()) {
        const wrote = entries[i]!
        // Python puts one slash at the end of a directory's name.
        const trimmed = {
          ...header,
          path: header.type === 'directory' ? header.path.replace(/\/+$/, '') : header.path,
        }
        expect(trimmed).toMatchObject({
          path: header.type === 'directory' ? wrote.path.replace(/\/+$/, '') : wrote.path,
          type: wrote.type,
          mode: wrote.mode,
          uid: wrote.uid,
          gid: wrote.gid,
          mtime: wrote.mtime,
          linkPath: wrote.linkPath,
          uname: wrote.uname,
          gname: wrote.gname,
          deviceMajor: wrote.deviceMajor,
          deviceMinor: wrote.deviceMinor,
        })
        expect(content).toEqual(wrote.content)
      }
    })
  }
})

describe('GNU tar', () => {
  /** A tree with what a disk can hold, whoever runs the test. */
  function makeTree(root: string): void {
    mkdirSync(joinPath(root, 'dir/sub'), { recursive: true })
    writeFileSync(joinPath(root, 'dir/empty'), '')
    writeFileSync(joinPath(root, 'dir/full'), new Uint8Array(100_000).fill(5))
    writeFileSync(joinPath(root, 'dir/é 日本\n-'), 'odd')
    writeFileSync(Buffer.from(`${root}/dir/caf\xe9`, 'latin1'), 'latin1')
    writeFileSync(joinPath(root, `dir/sub/${'n'.repeat(99)}`), 'x')
    writeFileSync(joinPath(root, `dir/sub/${'m'.repeat(200)}`), 'y')
    symlinkSync('../'.repeat(60), joinPath(root, 'dir/long-link'))
    symlinkSync('full', joinPath(root, 'dir/link'))
    linkSync(joinPath(root, 'dir/full'), joinPath(root, 'dir/sub/hard'))
    execFileSync('mkfifo', [joinPath(root, 'dir/fifo')])
    chmodSync(joinPath(root, 'dir/full'), 0o4751)
    chmodSync(joinPath(root, 'dir/empty'), 0o400)
    utimesSync(joinPath(root, 'dir/full'), 1_700_000_000.25, 1_700_000_000.25)
    utimesSync(joinPath(root, 'dir/link'), 1, 1)
    utimesSync(joinPath(root, 'dir/sub'), -100, -100)
  }

  for (const format of ['v7', 'oldgnu', 'gnu', 'ustar', 'posix']) {
    peerTest(`writes ${format} that we read`, ['tar', 'mkfifo'], async () => {
      const root = joinPath(work, `write-${format}`)
      makeTree(root)
      // What a format cannot hold, GNU tar leaves out with an error: the exit code is 2 then.
      const { output } = await runPeer(
        'tar',
        ['-C', root, '--sort=name', '--numeric-owner', `--format=${format}`, '-cf', '-', 'dir'],
        { mayFail: true },
      )
      const { entries } = list(new Uint8Array(output))
      const paths = new Set(entries.map(({ header }) => header.path))
      const lost =
        {
          v7: ['dir/fifo', `dir/sub/${'m'.repeat(200)}`, `dir/sub/${'n'.repeat(99)}`],
          ustar: [`dir/sub/${'m'.repeat(200)}`],
        }[format] ?? []
      for (const path of lost) expect(paths.has(path)).toBe(false)
      expect(entries.length + lost.length).toBe(12)
      for (const { header, content } of entries) {
        const stat = lstatSync(
          Buffer.from(
            `${root}/${Buffer.from(header.pathBytes ?? utf8(header.path)).toString('latin1')}`,
            'latin1',
          ),
          { bigint: true },
        )
        const time = header.mtime
        // Only posix has fractions.
        const nanoseconds =
          format === 'posix' ? stat.mtimeNs : BigInt(Math.floor(Number(stat.mtimeMs) / 1000)) * 1_000_000_000n
        expect([header.path, BigInt(time.seconds) * 1_000_000_000n + BigInt(time.nanoseconds)]).toEqual([
          header.path,
          nanoseconds,
        ])
        expect([header.mode, header.uid, header.gid]).toEqual([
          Number(stat.mode) & 0o7777,
          Number(stat.uid),
          Number(stat.gid),
        ])
        const isLink = header.type === 'link'
        expect(isLink || (header.type === 'file') === stat.isFile()).toBe(true)
        expect((header.type === 'directory') === stat.isDirectory()).toBe(true)
        expect((header.type === 'fifo') === stat.isFIFO()).toBe(true)
        expect((header.type === 'symlink') === stat.isSymbolicLink()).toBe(true)
        if (header.type === 'symlink') {
          const target = readlinkSync(joinPath(root, header.path))
          // GNU tar says that it leaves out a link it cannot hold, and writes it cut.
          expect(header.linkPath).toBe(/v7|ustar/.test(format) ? target.slice(0, 100) : target)
        }
        if (header.type === 'file') expect(content.length).toBe(Number(stat.size))
      }
      expect(entries.filter(({ header }) => header.type === 'link')).toHaveLength(1)
    })
  }

  peerTest('unpacks what we write', ['tar'], async () => {
    const long = `${'d'.repeat(120)}/${'f'.repeat(120)}`
    const written: (TarEntryInput & { content?: Uint8Array })[] = [
      // Before `dir`: GNU tar sets a directory's time when it leaves it, and no second time.
      { path: long, content: new Uint8Array(3000).fill(7) },
      { path: 'dir/', mode: 0o711, mtime: 1_600_000_000.5 },
      { path: 'dir/plain', content: utf8('plain'), mtime: 1_700_000_000.123456, mode: 0o640 },
      { path: 'dir/é 日本\n-', content: utf8('odd'), mtime: -5.5 },
      { path: 'dir/caf\uFFFD', pathBytes: Buffer.from('dir/caf\xe9', 'latin1'), content: utf8('latin1') },
      { path: 'dir/link', type: 'symlink', linkPath: '../'.repeat(60) },
      { path: 'dir/hard', type: 'link', linkPath: long },
      { path: 'dir/fifo', type: 'fifo', mode: 0o600 },
    ]
    const root = joinPath(work, 'unpack')
    mkdirSync(root)
    await runPeer('tar', ['-C', root, '--same-permissions', '--no-same-owner', '-xf', '-'], {
      input: await archiveOf(written),
    })
    for (const { header, content } of list(await archiveOf(written)).entries) {
      const path = Buffer.from(
        `${root}/${Buffer.from(header.pathBytes ?? utf8(header.path)).toString('latin1')}`,
        'latin1',
      )
      const stat = lstatSync(path, { bigint: true })
      if (header.type === 'link') expect(stat.ino).toBe(lstatSync(joinPath(root, long), { bigint: true }).ino)
      else
        expect([header.path, stat.mtimeNs]).toEqual([
          header.path,
          BigInt(header.mtime.seconds) * 1_000_000_000n + BigInt(header.mtime.nanoseconds),
        ])
      if (header.type === 'symlink') expect(readlinkSync(path)).toBe(header.linkPath)
      else if (header.type !== 'link') expect(Number(stat.mode) & 0o7777).toBe(header.mode)
      if (header.type === 'file') expect(new Uint8Array(readFileSync(path))).toEqual(content)
      expect(stat.isFIFO()).toBe(header.type === 'fifo')
    }
    expect(readdirSync(joinPath(root, 'dir'))).toHaveLength(6)
  })

  peerTest('lists owners, devices and times of what we write', ['tar'], async () => {
    const archive = await archiveOf([
      { path: 'a', uid: 1_000_650_000, gid: 2 ** 31, mtime: 2 ** 33 + 5, mode: 0 },
      { path: 'null', type: 'character-device', deviceMajor: 1, deviceMinor: 3, mode: 0o666, mtime: -2 },
      { path: 'disk', type: 'block-device', deviceMajor: 2 ** 22, deviceMinor: 7, uid: 5 },
    ])
    const { stdout } = await runPeer(
      'tar',
      ['--list', '-v', '--numeric-owner', '--full-time', '--utc', '-f', '-'],
      { input: archive },
    )
    expect(
      stdout
        .trim()
        .split('\n')
        .map((line) => line.replace(/ +/g, ' ')),
    ).toEqual([
      '---------- 1000650000/2147483648 0 2242-03-16 12:56:37 a',
      'crw-rw-rw- 0/0 1,3 1969-12-31 23:59:58 null',
      'brw-r--r-- 5/0 4194304,7 1970-01-01 00:00:00 disk',
    ])
  })

  peerTest('applies global headers, which Go and we do not', ['tar'], async () => {
    const { block, end, join, pax, record } = await import('../tar/raw-archive.ts')
    const archive = join(pax([record('uid', '77')], 'g'), block({ name: 'a', uid: 5 }), end)
    const { stdout } = await runPeer('tar', ['--list', '-v', '--numeric-owner', '-f', '-'], {
      input: archive,
    })
    expect(stdout).toContain(' 77/0 ')
    expect(list(archive).entries[0]!.header.uid).toBe(5)
  })
})
