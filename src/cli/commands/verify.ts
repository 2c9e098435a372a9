/** `oci-ts verify`: everything that can be reached, read to its end and checked. */
import process from 'node:process'
import { type Validation, type ValidationFinding, validateGraph } from '../../transfer/index.ts'
import { openName } from '../open-image.ts'
import {
  count,
  createProgressLine,
  createTerminal,
  formatSize,
  printable,
  type Terminal,
} from '../terminal.ts'

/** Flags of the command. */
export interface VerifyOptions {
  readonly json?: boolean
}

/** Runs the command: gives exit code 1 where anything of level `error` was found. */
export async function verify(imageName: string, options: VerifyOptions): Promise<number> {
  const { name, layout } = await openName(imageName)
  await using _ = layout
  const roots = name.reference === undefined ? layout.index.manifests : [await layout.resolve(name.reference)]
  const out = createTerminal(process.stdout)
  const progress = createProgressLine(process.stderr)
  const result = await validateGraph(layout.store, roots, {
    onFinding(finding) {
      if (options.json) return
      progress.clear()
      printFinding(out, finding)
    },
    onProgress: ({ blobs, totalBlobs, bytes, totalBytes }) =>
      progress.show(
        `verifying ${blobs}/${totalBlobs} blobs, ${formatSize(bytes)} of ${formatSize(totalBytes)}`,
      ),
  })
  progress.clear()
  if (options.json) process.stdout.write(`${JSON.stringify(result, null, 2)}\n`)
  else printSummary(out, imageName, result)
  return result.valid ? 0 : 1
}

function printFinding(out: Terminal, finding: ValidationFinding): void {
  const level = finding.level === 'error' ? out.style('red', 'error  ') : out.style('yellow', 'warning')
  // Messages about a place in a document are the end of a sentence that begins with the place.
  const at = finding.path.length === 0 ? '' : `${printable(finding.path.join('.'))} `
  out.line(`${level}  ${out.style('bold', printable(finding.place))}: ${at}${printable(finding.message)}`)
  out.line(`         ${out.style('dim', `${finding.digest}  ${finding.code}`)}`)
}

function printSummary(out: Terminal, imageName: string, result: Validation): void {
  const warnings = result.findings.filter((finding) => finding.level === 'warning').length
  const errors = result.findings.length - warnings
  const verdict = result.valid ? out.style('green', 'sound') : out.style('red', 'not sound')
  out.line(
    `${printable(imageName)} is ${verdict}: ${count(result.verified, 'blob')} verified (${formatSize(result.verifiedBytes)}), ` +
      `${result.missing.length} missing, ${result.corrupt.length} corrupt; ${count(errors, 'error')}, ${count(warnings, 'warning')}`,
  )
}
