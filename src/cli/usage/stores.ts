/** The commands that move images and keep layouts in order. */
import type { Command } from 'commander'
import { collectAssignments } from '../option-values.ts'
import { type Run, withExamples } from './run.ts'

/** Adds `copy`, `attach`, `referrers`, `gc`. */
export function addStores(program: Command, run: Run): void {
  withExamples(
    program
      .command('copy')
      .description('copy an image, byte for byte, and tag it when all of it has arrived')
      .argument('<source>', 'image name')
      .argument('<target>', 'image name: a layout, made where it is absent, or an archive to write')
      .option('--platform <platforms...>', 'of an index only these')
      .option('--all', 'every reference of the source')
      .option('--referrers', 'also what refers to the image: signatures, SBOMs'),
    [
      'oci-ts copy docker-archive:saved.tar oci:./images:v1',
      'oci-ts copy ./images:v1 oci-archive:v1.tar --referrers',
    ],
  ).action((source, target, options) =>
    run(async (context) => (await import('../commands/copy.ts')).copy(source, target, options, context)),
  )
  withExamples(
    program
      .command('attach')
      .description('attach files to an image as an artifact: an SBOM, a signature, a report')
      .argument('<image>', 'image name')
      .argument('<files...>', 'what is attached')
      .requiredOption('--artifact-type <type>', 'what kind of artifact it is, as a media type')
      .option('--media-type <type>', 'of the files', 'application/octet-stream')
      .option('--platform <platform>', 'of an index about the image for this platform, not the index')
      .option('--annotation <name=value>', 'set an annotation of the artifact', collectAssignments),
    [
      'oci-ts attach ./images:v1 sbom.spdx.json --artifact-type application/spdx+json --media-type application/spdx+json',
    ],
  ).action((image, files, options) =>
    run(async (context) =>
      (await import('../commands/attach.ts')).attachCommand(image, files, options, context),
    ),
  )
  withExamples(
    program
      .command('referrers')
      .description('list what is attached to an image')
      .argument('<image>', 'image name')
      .option('--artifact-type <type>', 'only of this type')
      .option('--platform <platform>', 'of an index about the image for this platform, not the index')
      .option('--json', 'print JSON'),
    ['oci-ts referrers ./images:v1 --artifact-type application/spdx+json'],
  ).action((image, options) =>
    run(async (context) => (await import('../commands/attach.ts')).referrersCommand(image, options, context)),
  )
  withExamples(
    program
      .command('gc')
      .description('remove the blobs of a layout that nothing leads to')
      .argument('<layout>', 'a layout directory')
      .option('--dry-run', 'only print what would be removed'),
    ['oci-ts gc ./images --dry-run'],
    'Collect while nobody else writes to the layout: what is not tagged yet looks like garbage.',
  ).action((layout, options) =>
    run(async (context) => (await import('../commands/gc.ts')).gc(layout, options, context)),
  )
}
