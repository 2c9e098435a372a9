/**
 * What the library weighs in a browser: bundles programs as their authors would (with Vite) and prints their sizes.
 * Counted is what a page loads before it can begin; what the library imports only when it is needed is printed
 * beside it. Fails where an import of a module of Node survives, or where a program is heavier than its limit.
 *
 * Not with esbuild: its code splitting puts whatever a door (`index.ts`) leads to beside what is used of it.
 */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { isBuiltin } from 'node:module'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { gzipSync } from 'node:zlib'
import { build, type Rollup } from 'vite'

const project = fileURLToPath(new URL('..', import.meta.url))

/** A program by what it imports, and its limit in bytes after gzip. */
const programs: readonly { name: string; from: string; limit: number }[] = [
  { name: 'readLayout', from: 'src/index.ts', limit: 40_000 },
  { name: 'parseManifest', from: 'src/index.ts', limit: 15_000 },
  { name: 'parseManifest', from: 'src/spec/index.ts', limit: 15_000 },
]

/** The chunks of a program that calls one function. */
async function bundle(name: string, from: string): Promise<Rollup.OutputChunk[]> {
  const directory = mkdtempSync(join(tmpdir(), 'oci-ts-size-'))
  try {
    const program = join(directory, 'program.ts')
    writeFileSync(program, `import { ${name} } from '${join(project, from)}'\nglobalThis.use = ${name}\n`)
    const built = await build({
      root: project,
      configFile: false,
      logLevel: 'silent',
      build: {
        write: false,
        target: 'es2023',
        rollupOptions: {
          input: program,
          // They would be replaced by stubs; kept, they are found below. With or without `node:` before the name.
          external: isBuiltin,
          output: { format: 'es' },
        },
      },
    })
    const [first] = Array.isArray(built) ? built : [built]
    if (first === undefined || !('output' in first)) throw new Error('Vite gave no output')
    return first.output.filter((file) => file.type === 'chunk')
  } finally {
    rmSync(directory, { recursive: true })
  }
}

/** Chunks that are loaded with the entry, itself among them. */
function loadedAtOnce(chunks: readonly Rollup.OutputChunk[]): Set<Rollup.OutputChunk> {
  const found = new Set<Rollup.OutputChunk>()
  const visit = (chunk: Rollup.OutputChunk | undefined): void => {
    if (chunk === undefined || found.has(chunk)) return
    found.add(chunk)
    for (const name of chunk.imports) visit(chunks.find(({ fileName }) => fileName === name))
  }
  visit(chunks.find(({ isEntry }) => isEntry))
  return found
}

let failed = false
for (const { name, from, limit } of programs) {
  const chunks = await bundle(name, from)
  const atOnce = loadedAtOnce(chunks)
  let gzipped = 0
  let later = 0
  for (const chunk of chunks) {
    const size = gzipSync(chunk.code, { level: 9 }).length
    if (atOnce.has(chunk)) gzipped += size
    else later += size
  }
  const surviving = chunks.flatMap((chunk) => [...chunk.imports, ...chunk.dynamicImports]).filter(isBuiltin)
  const ok = gzipped > 0 && gzipped <= limit && surviving.length === 0
  failed ||= !ok
  console.log(
    `${ok ? 'ok  ' : 'FAIL'} { ${name} } from ${from}: ${gzipped} bytes gzipped (limit ${limit}), ${later} more on demand`,
  )
  for (const path of surviving) console.log(`     a browser has no ${path}`)
}
process.exitCode = failed ? 1 : 0
