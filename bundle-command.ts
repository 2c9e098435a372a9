/**
 * Bundles the command into `dist/cli/`: see docs/decisions/021-command-bundle.md. Nothing else in `dist/` is bundled.
 * What a subcommand imports when it runs stays in files of its own; packages are bundled with it, and their licences
 * stand in a file beside it.
 */
import { existsSync, readdirSync, readFileSync, realpathSync, rmSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import process from 'node:process'
import { fileURLToPath } from 'node:url'
import { build, type Metafile, type Plugin } from 'esbuild'

const project = fileURLToPath(new URL('.', import.meta.url))

/**
 * What is started by itself, by the name of its file in `dist/cli/`. All files are made beside each other, so
 * `new URL('./NAME.js', import.meta.url)` finds an entry from every module of the bundle.
 */
const entries: Readonly<Record<string, string>> = {
  main: 'src/cli/main.ts',
  // Worker threads: `src/workers/blob-worker.ts` starts it.
  'blob-worker-thread': 'src/workers/blob-worker-thread.ts',
}

/**
 * Packages in CommonJS call `require('node:…')`, which no ES module has. `process.getBuiltinModule` answers it on
 * Node, Deno and Bun, as it does for the library.
 */
const requiredBuiltins: Plugin = {
  name: 'required-builtins',
  setup({ onResolve, onLoad }) {
    onResolve({ filter: /^node:/ }, ({ kind, path }) =>
      kind === 'require-call' ? { path, namespace: 'required-builtin' } : undefined,
    )
    onLoad({ filter: /^node:/, namespace: 'required-builtin' }, ({ path }) => ({
      contents: `module.exports = process.getBuiltinModule(${JSON.stringify(path)})`,
    }))
  },
}

/** Writes the bundle into a directory, whose content goes; gives esbuild's account of what went where. */
export async function bundleCommand(outdir: string): Promise<Metafile> {
  rmSync(outdir, { recursive: true, force: true })
  const { metafile } = await build({
    absWorkingDir: project,
    entryPoints: entries,
    outdir,
    bundle: true,
    splitting: true,
    format: 'esm',
    platform: 'node',
    target: 'node20.19',
    // Names and lines stay as they are, for stacks: minified, the command starts no faster.
    minify: false,
    sourcemap: true,
    // The sources are shipped, under src/.
    sourcesContent: false,
    plugins: [requiredBuiltins],
    metafile: true,
    logLevel: 'warning',
  })
  writeFileSync(join(outdir, 'THIRD-PARTY-LICENSES.txt'), licences(metafile))
  return metafile
}

/** The licence of each package of which something is in the bundle. */
function licences({ outputs }: Metafile): string {
  const bundled = Object.values(outputs).flatMap(({ inputs }) =>
    Object.entries(inputs).flatMap(([path, { bytesInOutput }]) => (bytesInOutput > 0 ? [path] : [])),
  )
  const packages = bundled.flatMap((path) => {
    const [, name] = /.*node_modules\/((?:@[^/]+\/)?[^/]+)\//.exec(path) ?? []
    return name === undefined ? [] : [name]
  })
  const texts = [...new Set(packages)].sort().map((name) => {
    const directory = join(project, 'node_modules', name)
    const { version, license } = JSON.parse(readFileSync(join(directory, 'package.json'), 'utf8')) as {
      version: string
      license: string
    }
    const file = readdirSync(directory).find((path) => /^licen[cs]e(\.md|\.txt)?$/i.test(path))
    if (file === undefined) throw new Error(`${name} comes without the text of its licence`)
    return `${name} ${version} (${license})\n\n${readFileSync(join(directory, file), 'utf8').trim()}\n`
  })
  const separator = `\n${'-'.repeat(80)}\n\n`
  return `The files beside this one hold parts of these packages.\n${separator}${texts.join(separator)}`
}

if (
  existsSync(process.argv[1] ?? '') &&
  realpathSync(process.argv[1] ?? '') === fileURLToPath(import.meta.url)
) {
  await bundleCommand(join(dirname(fileURLToPath(import.meta.url)), 'dist/cli'))
}
