/** The programs that stand beside us: which are here, in which version, and how each is called. */
import { existsSync, readdirSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { run } from '../measure.ts'
import type { AbsentPeer } from '../task.ts'

/** A program that is here. */
export interface Program {
  readonly name: string
  readonly version: string
  /** What comes before its arguments. */
  readonly command: readonly string[]
}

/** The programs, by name; those that are not here say why. */
export class Programs {
  readonly #root: string
  readonly #cache: string
  readonly #found = new Map<string, Program | AbsentPeer>()

  /**
   * @param cache where `peers/make.sh` puts Debian 13's
   * @param own whether the machine's own are taken instead
   */
  constructor(cache: string, own: boolean) {
    this.#cache = cache
    this.#root = join(cache, own ? 'none' : 'trixie')
    if (!own && !existsSync(this.#root)) attempt('bash', [fileURLToPath(new URL('make.sh', import.meta.url))])
  }

  /** All that were asked for and are not here. */
  get absent(): readonly AbsentPeer[] {
    return [...this.#found.values()].filter((program) => 'absent' in program)
  }

  /** Asks for programs: all of them, or undefined where one is not here. */
  find<Names extends string[]>(...names: Names): { [name in keyof Names]: Program } | undefined {
    const found = names.map((name) => this.#find(name))
    return found.some((program) => 'absent' in program) ? undefined : (found as never)
  }

  #find(name: string): Program | AbsentPeer {
    const known = this.#found.get(name)
    if (known !== undefined) return known
    const program = name === 'scan in Go' ? this.#goProgram(name) : this.#debianProgram(name)
    this.#found.set(name, program)
    return program
  }

  /** From Debian 13's root by its own loader, which needs no chroot; else the machine's. */
  #debianProgram(name: string): Program | AbsentPeer {
    for (const command of [this.#rooted(name), [name]]) {
      const answer = command && attempt(command[0]!, [...command.slice(1), '--version'])
      if (answer) return { name, version: versionOf(name, answer), command }
    }
    return { name, absent: 'not installed' }
  }

  #rooted(name: string): string[] | undefined {
    const program = join(this.#root, 'usr/bin', name)
    if (!existsSync(program)) return undefined
    const loader = readdirSync(join(this.#root, 'usr/lib64')).find((file) => file.startsWith('ld-linux'))
    const libraries = readdirSync(join(this.#root, 'usr/lib')).find((file) => file.endsWith('-linux-gnu'))
    if (loader === undefined || libraries === undefined) return undefined
    return [
      join(this.#root, 'usr/lib64', loader),
      '--library-path',
      join(this.#root, 'usr/lib', libraries),
      program,
    ]
  }

  #goProgram(name: string): Program | AbsentPeer {
    const version = attempt('go', ['env', 'GOVERSION'])
    if (version === undefined) return { name, absent: 'go is not installed' }
    const program = join(this.#cache, 'scan-in-go')
    run('go', ['build', '-o', program, '.'], fileURLToPath(new URL('scan', import.meta.url)))
    return { name, version: version.trim(), command: [program] }
  }
}

/** `umoci version 0.4.7+ds-4`, `tar (GNU tar) 1.35`: what follows the words. */
function versionOf(name: string, answer: string): string {
  const version = / v?(\d[^\s,]*)/.exec(answer.split('\n')[0]!)?.[1]
  if (version === undefined) throw new Error(`${name} --version says ${JSON.stringify(answer)}`)
  return version
}

function attempt(program: string, args: readonly string[]): string | undefined {
  try {
    return run(program, args)
  } catch {
    return undefined
  }
}
