/** The commands that look at images and change nothing. */
import { type Command, Option } from 'commander'
import { type Run, withExamples } from './run.ts'

/** Adds `inspect`, `verify`, `ls`, `cat`. */
export function addReading(program: Command, run: Run): void {
  withExamples(
    program
      .command('inspect')
      .description('show an image: platforms, layers and what made them, configuration')
      .argument('<image>', 'image name')
      .option('--platform <platform>', 'of an index the image for this platform, as in linux/arm64')
      .option('--json', 'print JSON')
      .option('--raw', 'print the manifest or index, byte for byte')
      .option('--config', 'print the config, byte for byte'),
    [
      'oci-ts inspect ./images:v1 --platform linux/arm64',
      "oci-ts inspect docker-archive:saved.tar --json | jq '.layers[].diffID'",
    ],
  ).action((image, options) =>
    run(async (context) => (await import('../commands/inspect.ts')).inspect(image, options, context)),
  )
  withExamples(
    program
      .command('verify')
      .description('read everything reachable to its end and check it: exits 1 on any error')
      .argument('<image>', 'image name; without a reference, all of the layout')
      .option('--deep', 'also what is odd within layers: whiteouts, duplicates, names, links')
      .addOption(
        new Option('--shallow', 'layers by size and digest alone, not decompressed').conflicts('deep'),
      )
      .option('--json', 'print JSON'),
    ['oci-ts verify ./images', 'oci-ts verify --deep ./images:v1'],
  ).action((image, options) =>
    run(async (context) => (await import('../commands/verify.ts')).verify(image, options, context)),
  )
  withExamples(
    program
      .command('ls')
      .description('list files: of the merged image, or of one layer')
      .argument('<image>', 'image name')
      .argument('[path]', 'a file or directory in the image')
      .option('--platform <platform>', 'of an index the image for this platform')
      .option('-l, --long', 'with mode, owner, size, time and layer')
      .option('-r, --recursive', 'with everything below')
      .option('--layer <number>', 'what this layer itself holds, whiteouts too; 1 is the lowest')
      .option('--json', 'print JSON'),
    ['oci-ts ls -l ./images:v1 /etc', 'oci-ts ls -l ./images:v1 --layer 2'],
  ).action((image, path, options) =>
    run(async (context) => (await import('../commands/ls.ts')).ls(image, path, options, context)),
  )
  withExamples(
    program
      .command('cat')
      .description('print a file of the image, byte for byte')
      .argument('<image>', 'image name')
      .argument('<path>', 'the file in the image; symlinks are followed inside of the image')
      .option('--platform <platform>', 'of an index the image for this platform'),
    ['oci-ts cat ./images:v1 /etc/os-release'],
  ).action((image, path, options) =>
    run(async (context) => (await import('../commands/cat.ts')).cat(image, path, options, context)),
  )
}
