/** `oci-ts edit` and `oci-ts flatten`: a new image out of an old one. */
import { OciError } from '../../errors.ts'
import { applyChange, writingOptions } from '../apply-change.ts'
import type { Change, WritingFlags } from '../change.ts'
import type { CommandContext } from '../context.ts'
import { makeNew, type ResultFlags } from '../new-image.ts'
import { sourceDateEpoch } from '../option-values.ts'

/** Flags of the command. */
export interface EditOptions extends ResultFlags, WritingFlags {
  /** In the order of the command line. */
  readonly changes: readonly Change[]
}

/** Runs the command; gives the exit code. */
export function edit(imageName: string, options: EditOptions, context: CommandContext): Promise<number> {
  const { changes } = options
  if (changes.length === 0) {
    throw new OciError('ARGUMENT_INVALID', 'Say what is to change: oci-ts edit --help lists the flags')
  }
  const brings = changes.some(({ kind }) => kind === 'copy')
  for (const flag of ['chown', 'chmod'] as const) {
    if (options[flag] !== undefined && !brings) {
      throw new OciError('ARGUMENT_INVALID', `--${flag} is for the files of --copy, of which there is none`)
    }
  }
  const writing = writingOptions(options, context.env)
  const epoch = sourceDateEpoch(context.env)
  return makeNew(imageName, options, context, (begun) => {
    const dated = epoch === undefined ? begun : begun.created(epoch)
    return changes.reduce((edit, change) => applyChange(edit, change, options, writing), dated)
  })
}
