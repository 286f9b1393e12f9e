import { spawnSync } from 'node:child_process'
import { chmodSync, existsSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { project, ROOT } from '../cli/cli.ts'

/** Shell commands: what `apt-get update`, `install --assume-no` and `install --yes` do. */
export type Apt = Readonly<Partial<Record<'update' | 'plan' | 'install', string>>>

interface Result {
  readonly status: number | null
  readonly stdout: string
  readonly stderr: string
}

/** A machine that has none of the programs that the tests look for, but stand-ins; nothing is installed on the real one. */
export class Machine {
  readonly bin: string = project()
  readonly #asked: string = join(this.bin, 'asked')
  readonly #env: Readonly<Record<string, string>>
  readonly #isRoot: boolean

  constructor(env: Readonly<Record<string, string>> = {}, isRoot: boolean = true) {
    this.#env = env
    this.#isRoot = isRoot
    for (const name of ['env', 'chmod']) symlinkSync(onPathHere(name), join(this.bin, name))
  }

  has(name: string, script: string): this {
    const file = join(this.bin, name)
    writeFileSync(file, `#!/bin/sh\n${script}\n`)
    chmodSync(file, 0o755)
    return this
  }

  hasApt({ update = '', plan = '', install = '' }: Apt = {}): this {
    return this.has(
      'apt-get',
      `[ "$1" = --version ] && exit 0
echo "$*" >> '${this.#asked}'
case "$*" in update*) ${update}
;; *--assume-no) ${plan}
;; *--yes) ${install}
;; esac`,
    )
  }

  /** What `apt-get` was asked for, if anything. */
  get asked(): string[] {
    return existsSync(this.#asked) ? readFileSync(this.#asked, 'utf8').trim().split('\n') : []
  }

  run(script: string, cwd: string = ROOT): Result {
    // Whether the user is root is asked of Node; the tests run as either.
    const user = `process.getuid = () => ${this.#isRoot ? 0 : 1000}`
    return spawnSync(process.execPath, [join(cwd, script)], {
      cwd,
      encoding: 'utf8',
      env: {
        PATH: this.bin,
        NODE_OPTIONS: `--import=data:text/javascript,${encodeURIComponent(user)}`,
        ...this.#env,
      },
    })
  }
}

function onPathHere(name: string): string {
  const found = (process.env['PATH'] ?? '')
    .split(':')
    .map((folder) => join(folder, name))
    .find(existsSync)
  if (!found) throw new Error(`no ${name} on PATH`)
  return found
}
