/**
 * The few things that Node has no call for, done by the machine's own commands: FIFOs (`mkfifo`), device nodes
 * (`mknod`), extended attributes (`setfattr`, `getfattr`).
 *
 * A command is run without a shell, in a directory that is known to be real, on a name that starts with `./`; it
 * never sees a path that could lead elsewhere.
 */
import { builtin } from '../runtime.ts'
import { isEscaped, nameFromBytes, nameToBytes } from './disk-name.ts'

/** The extended attributes of a file, raw. */
export type Xattrs = ReadonlyMap<string, Uint8Array>

/** Makes a FIFO. Answers why not, as a sentence, or undefined when it is there. */
export function makeFifo(directory: string, name: string, mode: number): Promise<string | undefined> {
  return runOn(directory, name, 'mkfifo', ['-m', octal(mode)], [])
}

/** Makes a device node. Answers why not, as a sentence, or undefined when it is there. */
export function makeDevice(
  directory: string,
  name: string,
  device: {
    readonly type: 'character-device' | 'block-device'
    readonly major: number
    readonly minor: number
  },
  mode: number,
): Promise<string | undefined> {
  const kind = device.type === 'block-device' ? 'b' : 'c'
  return runOn(directory, name, 'mknod', ['-m', octal(mode)], [kind, `${device.major}`, `${device.minor}`])
}

/**
 * Sets extended attributes on many files at once, symlinks not followed.
 * @param root The directory that the paths are under; their parents have to be real directories.
 * @returns Why not, for each path where something was refused; under `''` what concerns all.
 */
export async function setXattrs(
  root: string,
  files: ReadonlyMap<string, Xattrs>,
): Promise<Map<string, string>> {
  const refused = new Map<string, string>()
  if (files.size === 0) return refused
  const lines: string[] = []
  for (const [path, xattrs] of files) {
    lines.push(`# file: ${quote(`./${path}`)}`)
    for (const [name, value] of xattrs)
      lines.push(`${quote(name)}=${value.length === 0 ? '""' : `0x${hex(value)}`}`)
    lines.push('')
  }
  const result = await run(root, 'setfattr', ['-h', '--restore=-'], `${lines.join('\n')}\n`)
  if (result.missing !== undefined) return refused.set('', result.missing)
  if (result.code === 0) return refused
  for (const line of result.stderr.split('\n')) {
    const found = /^setfattr: (.*): ([^:]*)$/.exec(line)
    if (found === null) continue
    const path = nameFromBytes(unquote(found[1]!)).replace(/^\.\//, '')
    refused.set(files.has(path) ? path : '', `setfattr says: ${found[2]}`)
  }
  if (refused.size === 0) refused.set('', `setfattr failed: ${result.stderr.trim()}`)
  return refused
}

/** The extended attributes of every file below a directory that has any, or why they cannot be read. */
export async function getXattrs(root: string): Promise<Map<string, Map<string, Uint8Array>> | string> {
  const result = await run(root, 'getfattr', ['-R', '-P', '-h', '-d', '-m', '-', '-e', 'hex', '--', '.'])
  if (result.missing !== undefined) return result.missing
  const files = new Map<string, Map<string, Uint8Array>>()
  let current: Map<string, Uint8Array> | undefined
  for (const line of result.stdout.split('\n')) {
    if (line.startsWith('# file: ')) {
      current = new Map()
      const path = nameFromBytes(unquote(line.slice(8))).replace(/^\.\/?/, (start) =>
        start === './' ? '' : start,
      )
      files.set(path === '.' ? '' : path, current)
    } else if (line !== '' && current !== undefined) {
      const equals = line.indexOf('=')
      const name = nameFromBytes(unquote(equals < 0 ? line : line.slice(0, equals)))
      current.set(name, equals < 0 ? new Uint8Array(0) : unhex(line.slice(equals + 3)))
    }
  }
  // Files that vanish in between, and attributes that this user may not read, are no reason to have none.
  return files
}

async function runOn(
  directory: string,
  name: string,
  command: string,
  options: readonly string[],
  operands: readonly string[],
): Promise<string | undefined> {
  if (typeof directory !== 'string' || isEscaped(directory) || isEscaped(name)) {
    return 'its name is not UTF-8, which no argument of a command can say'
  }
  const result = await run(directory, command, [...options, '--', `./${name}`, ...operands])
  if (result.missing !== undefined) return result.missing
  return result.code === 0 ? undefined : `${result.stderr.trim()}`
}

interface Result {
  readonly code: number
  readonly stdout: string
  readonly stderr: string
  /** Why the command could not be started. */
  readonly missing?: string
}

/** At most this much of what a command says is kept: 256 MiB, for the attributes of a million files. */
const MAX_OUTPUT = 1 << 28

function run(directory: string, command: string, args: readonly string[], input?: string): Promise<Result> {
  const processes = builtin('node:child_process')
  const missing = (why: string): Result => ({ code: -1, stdout: '', stderr: '', missing: why })
  if (processes === undefined) return Promise.resolve(missing('this runtime cannot run commands'))
  return new Promise((resolve) => {
    try {
      const child = processes.execFile(
        command,
        args,
        // Latin-1 keeps every byte of a name as one character.
        { cwd: directory, env: { ...environment(), LC_ALL: 'C' }, encoding: 'latin1', maxBuffer: MAX_OUTPUT },
        (error, stdout, stderr) => {
          const code = (error as { code?: unknown } | null)?.code
          if (code === 'ENOENT') resolve(missing(`this machine has no command ${command}`))
          else if (typeof code === 'string') resolve(missing(`the command ${command} cannot be run: ${code}`))
          else resolve({ code: error === null ? 0 : Number(code ?? 1), stdout, stderr })
        },
      )
      child.stdin?.on('error', () => {})
      child.stdin?.end(input ?? '')
    } catch (error) {
      resolve(missing(`the command ${command} cannot be run: ${(error as Error).message}`))
    }
  })
}

function environment(): Record<string, string | undefined> {
  return builtin('node:process')?.env ?? {}
}

function octal(mode: number): string {
  return (mode & 0o7777).toString(8).padStart(4, '0')
}

/** As `getfattr` writes names: what is not plain as a backslash and three octal digits a byte. */
function quote(name: string): string {
  let quoted = ''
  for (const byte of nameToBytes(name)) {
    const plain = byte > 0x20 && byte < 0x7f && byte !== 0x5c && byte !== 0x3d
    quoted += plain ? String.fromCharCode(byte) : `\\${byte.toString(8).padStart(3, '0')}`
  }
  return quoted
}

/** The bytes of what {@link quote} or `getfattr` wrote, read as Latin-1. */
function unquote(quoted: string): Uint8Array {
  const plain = quoted.replace(/\\([0-7]{3})/g, (_, digits: string) =>
    String.fromCharCode(Number.parseInt(digits, 8)),
  )
  const bytes = new Uint8Array(plain.length)
  for (let i = 0; i < plain.length; i++) bytes[i] = plain.charCodeAt(i)
  return bytes
}

function hex(bytes: Uint8Array): string {
  let text = ''
  for (const byte of bytes) text += byte.toString(16).padStart(2, '0')
  return text
}

function unhex(text: string): Uint8Array {
  const bytes = new Uint8Array(text.length >> 1)
  for (let i = 0; i < bytes.length; i++) bytes[i] = Number.parseInt(text.slice(i * 2, i * 2 + 2), 16)
  return bytes
}
