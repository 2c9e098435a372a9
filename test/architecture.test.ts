/**
 * The house, held by its own source: which module may import which, through which door, and what nobody may do.
 * `docs/architecture.md` tells it to readers; its table and this file must agree.
 */
import { readdirSync, readFileSync } from 'node:fs'
import { dirname, posix } from 'node:path'
import { fileURLToPath } from 'node:url'
import ts from 'typescript'
import { describe, expect, test } from 'vitest'

const project = fileURLToPath(new URL('..', import.meta.url))

/** From the ground up. A module imports only from floors below its own. */
const floors: readonly (readonly string[])[] = [
  ['errors'],
  ['bytes', 'runtime'],
  ['digest'],
  ['compression', 'tar', 'spec'],
  ['store'],
  ['layer'],
  ['workers'],
  ['filesystem'],
  ['image'],
  ['transfer'],
  ['registry', 'runtime-spec', 'explore'],
  ['testing', 'cli'],
]

/** Who may use less than all that is below. */
const narrower: Readonly<Record<string, readonly string[]>> = {
  // Nothing of OCI is in them.
  compression: ['errors', 'bytes', 'runtime'],
  tar: ['errors', 'bytes', 'runtime'],
  // Pure: usable alone, and small.
  spec: ['errors', 'bytes', 'runtime', 'digest'],
  // What a store is held to must not lean on what stands on stores.
  testing: ['errors', 'bytes', 'runtime', 'digest', 'spec', 'store'],
}

/** Files that do their work when they are imported: programs, and what a worker thread runs. */
const started = ['src/cli/main.ts', 'src/workers/blob-worker-thread.ts']

/** Modules that are one file beside the folders. */
const singleFiles = ['errors', 'bytes', 'runtime']

interface Import {
  /** As written: `../errors.ts`, `node:fs`, `pako`. */
  readonly specifier: string
  /** It is gone once types are. */
  readonly typeOnly: boolean
}

interface SourceFile {
  /** From the project's root, with forward slashes. */
  readonly path: string
  readonly tree: ts.SourceFile
  readonly imports: readonly Import[]
}

function filesBelow(directory: string): string[] {
  return readdirSync(new URL(directory, new URL('../', import.meta.url)), { withFileTypes: true })
    .flatMap((entry) => {
      const path = `${directory}${entry.name}`
      return entry.isDirectory() ? filesBelow(`${path}/`) : [path]
    })
    .sort()
}

function parse(path: string, text: string): SourceFile {
  const tree = ts.createSourceFile(path, text, ts.ScriptTarget.Latest, true)
  const imports: Import[] = []
  const visit = (node: ts.Node): void => {
    if (ts.isImportDeclaration(node)) {
      const { importClause } = node
      const bindings = importClause?.namedBindings
      const eachIsType =
        importClause !== undefined &&
        importClause.name === undefined &&
        bindings !== undefined &&
        ts.isNamedImports(bindings) &&
        bindings.elements.length > 0 &&
        bindings.elements.every((element) => element.isTypeOnly)
      const typeOnly = importClause?.phaseModifier === ts.SyntaxKind.TypeKeyword || eachIsType
      imports.push({ specifier: (node.moduleSpecifier as ts.StringLiteral).text, typeOnly })
    } else if (ts.isExportDeclaration(node) && node.moduleSpecifier !== undefined) {
      imports.push({ specifier: (node.moduleSpecifier as ts.StringLiteral).text, typeOnly: node.isTypeOnly })
    } else if (ts.isImportTypeNode(node) && ts.isLiteralTypeNode(node.argument)) {
      imports.push({ specifier: (node.argument.literal as ts.StringLiteral).text, typeOnly: true })
    } else if (ts.isCallExpression(node) && node.expression.kind === ts.SyntaxKind.ImportKeyword) {
      const [argument] = node.arguments
      const specifier =
        argument !== undefined && ts.isStringLiteralLike(argument) ? argument.text : '(computed)'
      imports.push({ specifier, typeOnly: false })
    }
    ts.forEachChild(node, visit)
  }
  visit(tree)
  return { path, tree, imports }
}

const sources: SourceFile[] = filesBelow('src/')
  .filter((path) => path.endsWith('.ts'))
  .map((path) => parse(path, readFileSync(`${project}${path}`, 'utf8')))

/** The module that a file of `src` belongs to; `index` for the public face. */
function moduleOf(path: string): string {
  const [, first = ''] = path.split('/')
  return first.replace(/\.ts$/, '')
}

function floorOf(module: string): number {
  return floors.findIndex((floor) => floor.includes(module))
}

function allowedFor(module: string): readonly string[] {
  return narrower[module] ?? floors.slice(0, floorOf(module)).flat()
}

/** What is wrong with an import inside `src`, or undefined. */
function importProblem(path: string, { specifier, typeOnly }: Import): string | undefined {
  const from = moduleOf(path)
  if (specifier.startsWith('node:')) {
    if (typeOnly || from === 'cli') return undefined
    return `imports ${specifier}: ask runtime.ts instead`
  }
  if (specifier === 'oci-ts' || specifier.startsWith('oci-ts/'))
    return `imports itself by its name, ${specifier}`
  if (!specifier.startsWith('.')) {
    if (specifier === 'zod') return 'imports all of zod (92 KB gzipped): import zod/mini (6 KB)'
    const name = specifier.split('/', specifier.startsWith('@') ? 2 : 1).join('/')
    if (name in dependencies || (typeOnly && name in peerDependencies)) return undefined
    // The command is shipped as a bundle, which holds what it needs.
    if (from === 'cli' && name in devDependencies) return undefined
    return `imports ${specifier}, which is no dependency of the package`
  }
  if (!specifier.endsWith('.ts')) return `imports ${specifier} without the ending .ts`
  const target = posix.join(dirname(path), specifier)
  if (!target.startsWith('src/')) {
    return target === 'package.json' ? undefined : `imports ${target}, which is not shipped`
  }
  const to = moduleOf(target)
  if (to === from && from !== 'index') return undefined
  if (!singleFiles.includes(to) && target !== `src/${to}/index.ts`) {
    return `imports ${target}: only src/${to}/index.ts is a door`
  }
  if (from === 'index') return to === 'cli' || to === 'testing' ? `lets ${to} in` : undefined
  if (!allowedFor(from).includes(to)) return `imports ${to}, which is not below it`
  return undefined
}

const { dependencies, devDependencies, peerDependencies } = JSON.parse(
  readFileSync(`${project}package.json`, 'utf8'),
) as Record<'dependencies' | 'devDependencies' | 'peerDependencies', Record<string, string>>

function problems(files: readonly SourceFile[]): string[] {
  return files.flatMap((file) =>
    file.imports.flatMap((imported) => {
      const problem = importProblem(file.path, imported)
      return problem === undefined ? [] : [`${file.path} ${problem}`]
    }),
  )
}

/** Every file of `src` that another imports, as types too. */
function imported(files: readonly SourceFile[]): string[] {
  return files.flatMap((file) =>
    file.imports
      .filter(({ specifier }) => specifier.startsWith('.'))
      .map(({ specifier }) => posix.join(dirname(file.path), specifier)),
  )
}

/** Ways in a circle through imports that are there at run time, each once. */
function cycles(files: readonly SourceFile[]): string[] {
  const targets = new Map(
    files.map((file) => [
      file.path,
      file.imports
        .filter((imported) => !imported.typeOnly && imported.specifier.startsWith('.'))
        .map((imported) => posix.join(dirname(file.path), imported.specifier)),
    ]),
  )
  const found: string[] = []
  const done = new Set<string>()
  const walk = (path: string, above: readonly string[]): void => {
    const start = above.indexOf(path)
    if (start >= 0) found.push([...above.slice(start), path].join(' -> '))
    if (start >= 0 || done.has(path)) return
    for (const target of targets.get(path) ?? []) walk(target, [...above, path])
    done.add(path)
  }
  for (const path of targets.keys()) walk(path, [])
  return found
}

/** Nodes of a file that do something when the file is imported. */
function workAtImport(file: SourceFile): string[] {
  const found: string[] = []
  const text = file.tree.text
  const place = (node: ts.Node) =>
    `${file.path}:${file.tree.getLineAndCharacterOfPosition(node.getStart()).line + 1}`
  const isPure = (node: ts.Node) => /[@#]__PURE__/.test(text.slice(node.getFullStart(), node.getStart()))
  const visit = (node: ts.Node): void => {
    if (ts.isFunctionLike(node)) return
    // What a class holds runs when it is made; static fields and blocks run at once.
    if (
      ts.isPropertyDeclaration(node) &&
      !node.modifiers?.some((m) => m.kind === ts.SyntaxKind.StaticKeyword)
    ) {
      return
    }
    if ((ts.isCallExpression(node) || ts.isNewExpression(node)) && !isPure(node)) {
      found.push(`${place(node)} ${node.getText().split('\n')[0]}`)
      return
    }
    ts.forEachChild(node, visit)
  }
  for (const statement of file.tree.statements) {
    const declares =
      ts.isVariableStatement(statement) ||
      ts.isImportDeclaration(statement) ||
      ts.isExportDeclaration(statement) ||
      ts.isFunctionDeclaration(statement) ||
      ts.isClassDeclaration(statement) ||
      ts.isInterfaceDeclaration(statement) ||
      ts.isTypeAliasDeclaration(statement)
    if (!declares) found.push(`${place(statement)} ${statement.getText().split('\n')[0]}`)
    visit(statement)
  }
  return found
}

/** Globals of Node that the library does not touch. */
function nodeGlobals(file: SourceFile): string[] {
  const names = ['Buffer', 'process', '__dirname', '__filename', 'setImmediate']
  const found: string[] = []
  // A variable that is named like a global is none: `const process = builtin('node:process')`.
  const own = new Set<string>()
  const declare = (node: ts.Node): void => {
    if (
      (ts.isVariableDeclaration(node) || ts.isParameter(node) || ts.isBindingElement(node)) &&
      ts.isIdentifier(node.name)
    ) {
      own.add(node.name.text)
    }
    ts.forEachChild(node, declare)
  }
  declare(file.tree)
  const visit = (node: ts.Node): void => {
    if (ts.isTypeNode(node)) return
    if (ts.isIdentifier(node) && names.includes(node.text) && !own.has(node.text)) {
      const { parent } = node
      const isMember =
        (ts.isPropertyAccessExpression(parent) && parent.name === node) ||
        ((ts.isPropertySignature(parent) ||
          ts.isPropertyAssignment(parent) ||
          ts.isMethodDeclaration(parent) ||
          ts.isPropertyDeclaration(parent)) &&
          parent.name === node)
      if (!isMember) found.push(`${file.path} uses ${node.text}`)
    }
    ts.forEachChild(node, visit)
  }
  visit(file.tree)
  return found
}

describe('src', () => {
  test('every module has its floor, and every folder its door', () => {
    const modules = new Set(sources.map((file) => moduleOf(file.path)))
    modules.delete('index')
    expect([...modules].filter((module) => floorOf(module) < 0)).toEqual([])
    const folders = [...modules].filter((module) => !singleFiles.includes(module) && module !== 'cli')
    const doors = sources.map((file) => file.path)
    expect(folders.filter((folder) => !doors.includes(`src/${folder}/index.ts`))).toEqual([])
  })

  test('modules import only what is below them, through its door, and packages that are dependencies', () => {
    expect(problems(sources)).toEqual([])
  })

  test('no file imports itself on any way round', () => {
    expect(cycles(sources)).toEqual([])
  })

  test('doors and the public face only pass things on', () => {
    const doors = sources.filter((file) => /^src\/(?:[^/]+\/)?index\.ts$/.test(file.path))
    const others = doors.flatMap((file) =>
      file.tree.statements
        .filter((statement) => !ts.isExportDeclaration(statement) || statement.moduleSpecifier === undefined)
        .map((statement) => `${file.path}: ${statement.getText().split('\n')[0]}`),
    )
    expect(others).toEqual([])
  })

  test('importing the library does nothing', () => {
    const library = sources.filter((file) => moduleOf(file.path) !== 'cli' && !started.includes(file.path))
    expect(library.flatMap(workAtImport)).toEqual([])
  })

  test('what is started is imported by nobody', () => {
    expect(imported(sources).filter((path) => started.includes(path))).toEqual([])
    // And is no door, through which it would be passed on.
    const paths = sources.map((file) => file.path)
    expect(started.filter((path) => !paths.includes(path) || path.endsWith('/index.ts'))).toEqual([])
  })

  test("the library uses no global of Node's", () => {
    const library = sources.filter((file) => moduleOf(file.path) !== 'cli')
    expect(library.flatMap(nodeGlobals)).toEqual([])
  })
})

test('files are kebab-case nouns for what they hold, never a drawer for the rest', () => {
  const drawers = /^(?:utils?|helpers?|common|misc|shared|lib|stuff|tools?)$/
  const paths = ['src/', 'test/', 'bench/', 'examples/']
    .flatMap(filesBelow)
    .filter((path) => path.endsWith('.ts'))
  const bad = paths.filter((path) =>
    path
      .replace(/(?:\.test|\.types)?\.ts$/, '')
      .split('/')
      .some((part) => drawers.test(part) || !/^[a-z0-9]+(?:-[a-z0-9]+)*$/.test(part)),
  )
  expect(bad).toEqual([])
})

test('docs/architecture.md tells the same floors', () => {
  const page = readFileSync(`${project}docs/architecture.md`, 'utf8')
  const rows = [...page.matchAll(/^\| `src\/([a-z-]+)(?:\.ts|\/)` \|.*\| ([^|]*) \|$/gm)]
  const told = Object.fromEntries(rows.map(([, module, may]) => [module, may?.trim()]))
  const all = floors.flat()
  const expected = Object.fromEntries(
    all.map((module) => {
      const names = allowedFor(module).map((name) => `\`${name}\``)
      return [
        module,
        module in narrower || names.length < 3 ? names.join(', ') || 'nothing' : 'all floors below',
      ]
    }),
  )
  expect(told).toEqual(expected)
  expect(rows.map(([, module]) => module)).toEqual(all)
})

describe('the guard itself', () => {
  const refuses = (path: string, text: string): string[] => problems([parse(path, text)])

  test.each([
    ['upwards', 'src/digest/a.ts', "import { x } from '../store/index.ts'"],
    ['upwards, for a type', 'src/digest/a.ts', "import type { X } from '../store/index.ts'"],
    ['sideways', 'src/tar/a.ts', "export { x } from '../compression/index.ts'"],
    ['what is below but not allowed', 'src/tar/a.ts', "import { x } from '../digest/index.ts'"],
    ['past the door', 'src/store/a.ts', "import { x } from '../digest/hasher.ts'"],
    ['past the door, late', 'src/store/a.ts', "const x = await import('../digest/hasher.ts')"],
    ['past the door, as a type', 'src/store/a.ts', "type X = import('../digest/hasher.ts').Hasher"],
    ['from the public face', 'src/store/a.ts', "import { x } from '../index.ts'"],
    ['Node', 'src/store/a.ts', "import { readFileSync } from 'node:fs'"],
    ['Node, in the runtime', 'src/runtime.ts', "import fs from 'node:fs'"],
    ['Node, late', 'src/store/a.ts', "await import('node:fs')"],
    ['Node, with one value among types', 'src/store/a.ts', "import { type Stats, statSync } from 'node:fs'"],
    ['the command', 'src/index.ts', "export * from './cli/index.ts'"],
    ['all of zod', 'src/spec/a.ts', "import { z } from 'zod'"],
    ['a package that is none of its own', 'src/spec/a.ts', "import x from 'vitest'"],
    ['the optional peer, at run time', 'src/tar/a.ts', "import { pack } from 'tar-stream'"],
    ['a test', 'src/spec/a.ts', "import { x } from '../../test/cases.ts'"],
    ['no ending', 'src/spec/a.ts', "import { x } from './b'"],
    ['itself by name', 'src/spec/a.ts', "import { x } from 'oci-ts'"],
  ])('refuses an import %s', (_, path, text) => {
    expect(refuses(path, text)).toHaveLength(1)
  })

  test.each([
    ['src/store/a.ts', "import { x } from '../digest/index.ts'"],
    ['src/store/a.ts', "import { x } from './deep/b.ts'"],
    ['src/store/deep/a.ts', "import { x } from '../b.ts'"],
    ['src/store/a.ts', "import { x } from '../errors.ts'"],
    ['src/store/a.ts', "import type { Stats } from 'node:fs'"],
    ['src/cli/a.ts', "import fs from 'node:fs'"],
    ['src/tar/a.ts', "import type { Pack } from 'tar-stream'"],
    ['src/spec/a.ts', "import * as z from 'zod/mini'"],
    ['src/digest/a.ts', "import { sha256 } from '@noble/hashes/sha2.js'"],
    ['src/index.ts', "export { x } from './store/index.ts'"],
  ])('lets %s say %s', (path, text) => {
    expect(refuses(path, text)).toEqual([])
  })

  test('finds a way round, and none through types', () => {
    const a = parse('src/spec/a.ts', "import './b.ts'")
    const b = parse('src/spec/b.ts', "export { c } from './c.ts'")
    const back = parse('src/spec/c.ts', "import { a } from './a.ts'")
    const backForTypes = parse('src/spec/c.ts', "import type { A } from './a.ts'")
    expect(cycles([a, b, back])).toEqual(['src/spec/a.ts -> src/spec/b.ts -> src/spec/c.ts -> src/spec/a.ts'])
    expect(cycles([a, b, backForTypes])).toEqual([])
  })

  test('finds what is imported, late too', () => {
    const late = parse('src/spec/a.ts', "const x = () => import('../workers/blob-worker-thread.ts')")
    expect(imported([late])).toEqual(['src/workers/blob-worker-thread.ts'])
  })

  test('finds work at import time', () => {
    const work = (text: string): number => workAtImport(parse('src/spec/a.ts', text)).length
    expect(work('start()')).toBeGreaterThan(0)
    expect(work('const x = start()')).toBe(1)
    expect(work('export const x = { y: [new Map()] }')).toBe(1)
    expect(work('class A { static x = start() }')).toBe(1)
    expect(work('for (;;) {}')).toBe(1)
    expect(
      work('const x = /* @__PURE__ */ new Map()\nclass A { x = start() }\nconst f = () => start()'),
    ).toBe(0)
  })

  test("finds Node's globals", () => {
    const globals = (text: string): number => nodeGlobals(parse('src/spec/a.ts', text)).length
    expect(globals('Buffer.from(x)')).toBe(1)
    expect(globals('const p = process.env')).toBe(1)
    expect(globals("const process = builtin('node:process')\nprocess.kill(1)")).toBe(0)
    expect(globals('const p = globalThis.process; const q = { process: 1 }; type B = Buffer')).toBe(0)
  })
})
