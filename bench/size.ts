/**
 * What the library weighs in a browser: bundles two programs as their authors would and prints their sizes.
 * Fails where a `node:` import survives, or where a program is heavier than its limit.
 */
import { fileURLToPath } from 'node:url'
import { gzipSync } from 'node:zlib'
import { build } from 'esbuild'

const project = fileURLToPath(new URL('..', import.meta.url))

/** A program by what it imports, and its limit in bytes after gzip. */
const programs: readonly { name: string; from: string; limit: number }[] = [
  { name: 'readLayout', from: './src/index.ts', limit: 40_000 },
  { name: 'parseManifest', from: './src/index.ts', limit: 15_000 },
  { name: 'parseManifest', from: './src/spec/index.ts', limit: 15_000 },
]

let failed = false
for (const { name, from, limit } of programs) {
  const built = await build({
    stdin: {
      contents: `import { ${name} } from '${from}'\nglobalThis.use = ${name}`,
      resolveDir: project,
      loader: 'ts',
    },
    bundle: true,
    minify: true,
    write: false,
    metafile: true,
    format: 'esm',
    platform: 'browser',
    target: 'es2023',
    // They would fail to resolve for browsers; kept, they are counted below.
    external: ['node:*'],
    logLevel: 'silent',
  })
  const [output] = built.outputFiles
  if (output === undefined) throw new Error('esbuild gave no output')
  const surviving = Object.values(built.metafile.outputs)
    .flatMap((file) => file.imports)
    .filter((imported) => imported.external)
    .map((imported) => imported.path)
  const gzipped = gzipSync(output.contents, { level: 9 }).length
  const ok = gzipped <= limit && surviving.length === 0
  failed ||= !ok
  console.log(
    `${ok ? 'ok  ' : 'FAIL'} { ${name} } from ${from}: ${gzipped} bytes gzipped (limit ${limit}), ${output.contents.length} plain`,
  )
  for (const path of surviving) console.log(`     a browser has no ${path}`)
}
if (failed) process.exitCode = 1
