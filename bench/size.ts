/**
 * What the library weighs in a browser: bundles programs as their authors would and prints their sizes. Counted is
 * what a page loads before it can begin; what the library imports only when it is needed is printed beside it.
 * Fails where a `node:` import survives, or where a program is heavier than its limit.
 */
import { fileURLToPath } from 'node:url'
import { gzipSync } from 'node:zlib'
import { build, type Metafile } from 'esbuild'

const project = fileURLToPath(new URL('..', import.meta.url))

/** A program by what it imports, and its limit in bytes after gzip. */
const programs: readonly { name: string; from: string; limit: number }[] = [
  { name: 'readLayout', from: './src/index.ts', limit: 40_000 },
  { name: 'parseManifest', from: './src/index.ts', limit: 15_000 },
  { name: 'parseManifest', from: './src/spec/index.ts', limit: 15_000 },
]

/** Chunks that are loaded with the entry, itself among them. */
function loadedAtOnce(outputs: Metafile['outputs']): Set<string> {
  const found = new Set<string>()
  const visit = (path: string): void => {
    if (found.has(path)) return
    found.add(path)
    for (const imported of outputs[path]?.imports ?? []) {
      if (imported.kind === 'import-statement' && !imported.external) visit(imported.path)
    }
  }
  for (const [path, output] of Object.entries(outputs)) if (output.entryPoint !== undefined) visit(path)
  return found
}

let failed = false
for (const { name, from, limit } of programs) {
  const built = await build({
    stdin: {
      contents: `import { ${name} } from '${from}'\nglobalThis.use = ${name}`,
      resolveDir: project,
      loader: 'ts',
    },
    bundle: true,
    splitting: true,
    minify: true,
    write: false,
    outdir: project,
    absWorkingDir: project,
    metafile: true,
    format: 'esm',
    platform: 'browser',
    target: 'es2023',
    // They would fail to resolve for browsers; kept, they are counted below.
    external: ['node:*'],
    logLevel: 'silent',
  })
  const { outputs } = built.metafile
  // esbuild names a lazy chunk an entry point too; the program's own is that of stdin.
  const entry = Object.fromEntries(
    Object.entries(outputs).map(([path, output]) => [
      path,
      output.entryPoint === '<stdin>' ? output : { ...output, entryPoint: undefined },
    ]),
  ) as Metafile['outputs']
  const atOnce = loadedAtOnce(entry)
  let gzipped = 0
  let later = 0
  for (const file of built.outputFiles) {
    const size = gzipSync(file.contents, { level: 9 }).length
    if (atOnce.has(file.path.slice(project.length))) gzipped += size
    else later += size
  }
  const surviving = Object.values(outputs)
    .flatMap((file) => file.imports)
    .filter((imported) => imported.external)
    .map((imported) => imported.path)
  const ok = gzipped > 0 && gzipped <= limit && surviving.length === 0
  failed ||= !ok
  console.log(
    `${ok ? 'ok  ' : 'FAIL'} { ${name} } from ${from}: ${gzipped} bytes gzipped (limit ${limit}), ${later} more on demand`,
  )
  for (const path of surviving) console.log(`     a browser has no ${path}`)
}
if (failed) process.exitCode = 1
