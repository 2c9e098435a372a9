/** The flags that change an image, shared by the commands that make new ones. */
import { type Command, Option } from 'commander'
import type { Change } from '../change.ts'
import {
  collect,
  once,
  parseAssignment,
  parseFieldAssignment,
  parseMode,
  parseMoment,
  parseWords,
} from '../option-values.ts'

/** Adds a flag that may come any number of times; its changes keep their place among those of other flags. */
export function addChange(
  command: Command,
  changes: Change[],
  flags: string,
  description: string,
  read: (text: string) => Change,
): Command {
  return command.option(flags, description, (text: string) => void changes.push(read(text)))
}

/** Adds the flags that change what an image says of itself and how it runs. */
export function addConfigFlags(command: Command, changes: Change[]): Command {
  const add = (flags: string, description: string, read: (text: string) => Change) =>
    addChange(command, changes, flags, description, read)
  add('--env <name=value>', 'set an environment variable; NAME alone removes it', (text) => ({
    kind: 'env',
    ...parseAssignment(text),
  }))
  add('--entrypoint <words>', "what runs: words, or a JSON array; '' removes it", (text) => ({
    kind: 'entrypoint',
    words: parseWords(text),
  }))
  add('--cmd <words>', "default arguments: words, or a JSON array; '' removes them", (text) => ({
    kind: 'command',
    words: parseWords(text),
  }))
  add('--user <user[:group]>', "who runs it; '' removes it", textOr('user'))
  add('--workdir <path>', "directory that it runs in; '' removes it", textOr('workingDirectory'))
  add('--stop-signal <signal>', "signal that ends it, as in SIGTERM; '' removes it", textOr('stopSignal'))
  add('--label <name=value>', 'set a label; NAME alone removes it', (text) => ({
    kind: 'label',
    ...parseAssignment(text),
  }))
  add('--annotation <name=value>', 'set an annotation of the manifest; NAME alone removes it', (text) => ({
    kind: 'annotation',
    ...parseAssignment(text),
  }))
  add('--port <port>', 'say that it listens on a port: 8080, 53/udp', (text) => ({
    kind: 'exposePort',
    text,
  }))
  add('--volume <path>', 'say that it keeps data at a path', (text) => ({ kind: 'volume', text }))
  add('--author <author>', "who made it; '' removes it", textOr('author'))
  add(
    '--created <time>',
    "when it was made: seconds since 1970, or as in 2024-01-31T12:00:00Z; '' removes it",
    (text) => ({
      kind: 'created',
      moment: text === '' ? undefined : parseMoment(text),
    }),
  )
  add(
    '--set <path=json>',
    "set any field of the config: config.Healthcheck='{…}'; PATH= removes it",
    (text) => ({
      kind: 'configField',
      ...parseFieldAssignment(text),
    }),
  )
  add('--set-manifest <path=json>', 'set any field of the manifest; PATH= removes it', (text) => ({
    kind: 'manifestField',
    ...parseFieldAssignment(text),
  }))
  return command
}

/** Adds the flags that say how files and layers are written. */
export function addWritingFlags(command: Command, { files }: { readonly files?: string }): Command {
  if (files !== undefined) {
    command
      .option(
        '--chown <user[:group]>',
        `whose ${files} are: names as the image knows them, or numbers`,
        once('--chown'),
      )
      .option('--chmod <mode>', `mode of ${files}, in octal digits`, once('--chmod', parseMode))
      .option(
        '--ignore <pattern>',
        'leave out what a line of a .dockerignore would; may come several times',
        collect,
      )
  }
  return command
    .addOption(
      new Option('--compression <kind>', 'of the layers that are written')
        .choices(['gzip', 'zstd', 'none'])
        .default('gzip'),
    )
    .option('--reproducible', 'compress to the same bytes on every machine and runtime (slower)')
}

function textOr(kind: 'user' | 'workingDirectory' | 'stopSignal' | 'author'): (text: string) => Change {
  return (text) => ({ kind, text: text === '' ? null : text })
}
