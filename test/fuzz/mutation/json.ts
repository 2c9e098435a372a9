/** Changes to JSON: to the tree that a text stands for, to its tokens, to its bytes. */
import type { Random } from '../random.ts'
import { mutateBytes, splice } from './bytes.ts'

type Tree = null | boolean | number | string | Tree[] | { [name: string]: Tree }

/** Names and values that mean something somewhere in the library. */
export interface Dictionary {
  readonly names: string[]
  readonly values: Tree[]
}

const odd: readonly Tree[] = [
  null,
  true,
  false,
  0,
  -0,
  -1,
  1,
  2,
  1.5,
  1e21,
  2 ** 53 - 1,
  2 ** 53,
  -(2 ** 53),
  4294967296,
  '',
  ' ',
  '\0',
  '/',
  '..',
  '../../etc',
  '{}',
  '[]',
  'é',
  '\u{1f600}',
  '\uFFFD',
  'a'.repeat(256),
  'x:y',
  'sha256:',
  `sha256:${'0'.repeat(64)}`,
  `sha256:${'A'.repeat(64)}`,
  `sha512:${'f'.repeat(128)}`,
  `blake3:${'0'.repeat(64)}`,
  'md5:00',
  'sha256+b64u:abc',
  'e30=',
  'linux/arm/v7',
  'windows(10.0.17763+win32k)/amd64',
  'linux/%zz',
  'docker.io/library/alpine:3@sha256:00',
  'localhost:5000/a__b',
  '[::1]:5000/x',
  'A=B',
  '=',
  'PATH',
  '80/tcp',
  '65536/udp',
  '1-2',
  '/a/../b',
  'root:0:0',
  'SIGKILL',
  '2020-01-01T00:00:00Z',
  '2020-02-30T24:60:61+25:00',
  'http://[::1',
  'https://e.org/%zz',
  [],
  {},
  [null],
  [[]],
  [{}],
  { '': '' },
  { '0': 1, '1': {} },
]

const names: readonly string[] = [
  '__proto__',
  'constructor',
  'toString',
  'hasOwnProperty',
  '',
  '0',
  '1',
  '00',
  'mediaType',
  'schemaVersion',
  'config',
  'layers',
  'manifests',
  'fsLayers',
  'history',
  'signatures',
  'subject',
  'artifactType',
  'annotations',
  'data',
  'urls',
  'platform',
  'os.version',
  'os.features',
  'variant',
  'features',
  'rootfs',
  'diff_ids',
  'imageLayoutVersion',
  'v1Compatibility',
  'throwaway',
  'container_config',
  'Healthcheck',
  'Interval',
  'ExposedPorts',
  'Volumes',
  'OnBuild',
  'Shell',
  'Memory',
  'Config',
  'RepoTags',
  'Layers',
  'Parent',
  'LayerSources',
  'empty_layer',
  'created',
  'blobSum',
  'protected',
  'formatLength',
  'formatTail',
]

/** The names and plain values of some documents. */
export function dictionaryOf(documents: readonly Uint8Array[]): Dictionary {
  const foundNames = new Set(names)
  const foundValues = new Set<Tree>(odd)
  const visit = (tree: Tree): void => {
    if (typeof tree !== 'object' || tree === null) {
      foundValues.add(tree)
      return
    }
    for (const [name, value] of Object.entries(tree)) {
      if (!Array.isArray(tree)) foundNames.add(name)
      visit(value)
    }
  }
  for (const document of documents) {
    const tree = parse(document)
    if (tree !== undefined) visit(tree)
  }
  return { names: [...foundNames], values: [...foundValues] }
}

/** A changed document: mostly its tree, written anew; else its text. */
export function mutateJson(
  random: Random,
  input: Uint8Array,
  other: Uint8Array,
  dictionary: Dictionary,
): Uint8Array {
  if (random.oneIn(5)) return mutateBytes(random, input, other)
  if (random.oneIn(4)) return mutateText(random, input, dictionary)
  const tree = parse(input)
  if (tree === undefined)
    return random.oneIn(2) ? mutateText(random, input, dictionary) : mutateBytes(random, input, other)
  const holder: Tree[] = [tree]
  const changes = random.oneIn(2) ? 1 : 1 + random.below(6)
  const donor = parse(other) ?? null
  for (let i = 0; i < changes; i++) changeTree(random, holder, donor, dictionary)
  const text = JSON.stringify(
    holder[0],
    undefined,
    random.oneIn(3) ? random.pick([1, 2, 3, '\t']) : undefined,
  )
  return random.oneIn(4)
    ? mutateText(random, Buffer.from(text), dictionary)
    : new Uint8Array(Buffer.from(text))
}

/** Every place of a tree: what holds it, and under which name. */
function places(root: Tree): { holder: Tree[] | { [name: string]: Tree }; name: string }[] {
  const found: { holder: Tree[] | { [name: string]: Tree }; name: string }[] = []
  const visit = (tree: Tree): void => {
    if (typeof tree !== 'object' || tree === null) return
    for (const name of Object.keys(tree)) {
      found.push({ holder: tree, name })
      visit((tree as Record<string, Tree>)[name]!)
    }
  }
  visit(root)
  return found
}

function changeTree(random: Random, root: Tree[], other: Tree, dictionary: Dictionary): void {
  const all = places(root)
  const { holder, name } = random.pick(all)
  const target = holder as Record<string, Tree>
  const value = target[name]!
  switch (random.below(11)) {
    case 0:
      if (Array.isArray(holder)) holder.splice(Number(name), holder === root ? 0 : 1)
      else delete target[name]
      return
    case 1:
      define(target, name, copy(random.pick(dictionary.values)))
      return
    case 2:
      define(target, name, copy(random.pick(all).holder as Tree))
      return
    case 3: {
      const from = random.pick(places([other]))
      define(target, name, copy((from.holder as Record<string, Tree>)[from.name]!))
      return
    }
    case 4: {
      if (Array.isArray(holder)) {
        if (holder !== root) holder.splice(Number(name), 0, copy(value))
        return
      }
      delete target[name]
      define(target, random.pick(dictionary.names), value)
      return
    }
    case 5:
      if (typeof value === 'object' && value !== null && !Array.isArray(value)) {
        define(value, random.pick(dictionary.names), copy(random.pick(dictionary.values)))
      } else if (Array.isArray(value)) value.push(copy(random.pick(dictionary.values)))
      return
    case 6:
      if (typeof value === 'string') define(target, name, changeText(random, value))
      else if (typeof value === 'number')
        define(target, name, random.pick([value + 1, -value, value * 1e10, value / 3]))
      return
    case 7:
      define(target, name, random.oneIn(2) ? [value] : { [random.pick(dictionary.names)]: value })
      return
    case 8: {
      let deep = value
      for (let depth = random.pick([1, 2, 3, 3, 30, 126]); depth > 0; depth--) deep = [deep]
      define(target, name, deep)
      return
    }
    case 9:
      // Another spelling, which Go would take for the same name.
      if (!Array.isArray(holder)) {
        const letters = name.split('')
        const at = random.below(letters.length)
        const letter = letters[at] ?? ''
        letters[at] = letter === letter.toUpperCase() ? letter.toLowerCase() : letter.toUpperCase()
        if (random.oneIn(2)) delete target[name]
        define(
          target,
          random.oneIn(8) ? name.replace(/s/, 'ſ').replace(/k/, '\u212a') : letters.join(''),
          value,
        )
      }
      return
    default:
      if (Array.isArray(value) && value.length > 0) {
        for (let i = random.below(random.oneIn(8) ? 40 : 4); i > 0; i--) value.push(copy(random.pick(value)))
      } else define(target, name, copy(random.pick(dictionary.values)))
  }
}

/** What `structuredClone` does, at a tenth of its price for trees as small as these. */
function copy<T extends Tree>(tree: T): T {
  return typeof tree === 'object' && tree !== null ? (JSON.parse(JSON.stringify(tree)) as T) : tree
}

/** Assigning `__proto__` would set the prototype instead. */
function define(target: object, name: string, value: Tree): void {
  Object.defineProperty(target, name, { value, enumerable: true, configurable: true, writable: true })
}

function changeText(random: Random, text: string): string {
  const at = random.below(text.length + 1)
  switch (random.below(6)) {
    case 0:
      return (
        text.slice(0, at) +
        String.fromCodePoint(random.pick([0, 10, 47, 58, 64, 0x80, 0xd800, 0xfffd, 0xfffe, 0x1f600])) +
        text.slice(at)
      )
    case 1:
      return text.slice(0, at) + text.slice(at + random.size(text.length))
    case 2:
      return (
        text.slice(0, at) +
        random.pick([
          '/',
          ':',
          '@',
          '%',
          '=',
          '.',
          '..',
          '+',
          '(',
          ')',
          '%2F',
          ' ',
          '"',
          '\\',
          '\u2028',
          '<',
        ]) +
        text.slice(at)
      )
    case 3:
      return random.oneIn(2) ? text.toUpperCase() : text.toLowerCase()
    case 4:
      return text + text.slice(0, at)
    default:
      return text.slice(0, at) + String.fromCharCode(0x20 + random.below(95)) + text.slice(at + 1)
  }
}

const tokens = [
  '{',
  '}',
  '[',
  ']',
  ',',
  ':',
  '"',
  '\\',
  '\\u0000',
  '\\ud800',
  '\\ud83d\\ude00',
  '\\ufffe',
  '\\u',
  '\\/',
  '\\b',
  'null',
  'true',
  'false',
  'nul',
  '-',
  '-0',
  '0',
  '00',
  '1e5',
  '1E+400',
  '0.1',
  '1.',
  '.5',
  '9007199254740993',
  '1e-400',
  ' ',
  '\n',
  '\t',
  '\r\n',
  '\uFEFF',
  '\u00a0',
  '/**/',
  '""',
  '"a":1,',
  '{}',
  '[]',
  '[[[[',
  '{"":',
  'NaN',
  'Infinity',
  '\u007f',
  '\u2028',
]

function mutateText(random: Random, input: Uint8Array, dictionary: Dictionary): Uint8Array {
  const at = random.below(input.length + 1)
  switch (random.below(5)) {
    case 0:
      return splice(input, at, at, Buffer.from(random.pick(tokens)))
    case 1:
      return splice(input, at, at + random.size(12), Buffer.from(random.pick(tokens)))
    case 2: {
      // A member once more, or one that its object may have already.
      const brace = input.indexOf(0x7b, at)
      const member = `${JSON.stringify(random.pick(dictionary.names))}:${JSON.stringify(random.pick(dictionary.values))}`
      return brace < 0 ? input : splice(input, brace + 1, brace + 1, Buffer.from(`${member},`))
    }
    case 3: {
      // A letter as an escape: the same value, other bytes.
      const code = input[at] ?? 0
      const isLetter = (code | 32) > 96 && (code | 32) < 123
      if (!isLetter) return splice(input, at, at, Buffer.from(random.pick(tokens)))
      return splice(input, at, at + 1, Buffer.from(`\\u${code.toString(16).padStart(4, '0')}`))
    }
    default:
      return splice(
        input,
        at,
        at,
        random.pick([
          Uint8Array.of(0xff),
          Uint8Array.of(0xc3),
          Uint8Array.of(0xed, 0xa0, 0x80),
          Uint8Array.of(0),
        ]),
      )
  }
}

function parse(bytes: Uint8Array): Tree | undefined {
  try {
    return JSON.parse(Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length).toString()) as Tree
  } catch {
    return undefined
  }
}
