import { spawn, type ChildProcess } from 'node:child_process'
import { mkdirSync, mkdtempSync, realpathSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:net'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import { NODE_RUNTIME, NODE_RUNTIMES } from '../contract/runtimes.ts'
import { within } from '../support/client.ts'

export const ROOT: string = fileURLToPath(new URL('../..', import.meta.url))
export const DIST: string = join(ROOT, 'dist')
const CLI = join(DIST, 'cli.js')
/** Not the link in .bin: a signal has to reach Bun itself. */
const BUN = join(ROOT, 'node_modules/bun/bin/bun.exe')

/** The command line is the same everywhere; who runs it is not. */
export interface Target {
  readonly runtime: 'uws' | 'ws' | 'bun'
  readonly command: string
}

const NODE_TARGET: Target = { runtime: NODE_RUNTIME, command: 'node' }
const BUN_TARGET: Target = { runtime: 'bun', command: BUN }

/** Every runtime. */
export const TARGETS: readonly Target[] = [
  ...NODE_RUNTIMES.map((runtime) => ({ runtime, command: 'node' })),
  BUN_TARGET,
]
/** Every platform, where the runtime does not matter. */
export const PLATFORMS: readonly Target[] = [NODE_TARGET, BUN_TARGET]

export interface Exit {
  readonly code: number | null
  readonly signal: NodeJS.Signals | null
}

export interface CliOptions {
  readonly cwd: string
  readonly target?: Target
  /** Another copy of the command line. */
  readonly script?: string
  /** A program that starts it, with arguments; it has to end with it. */
  readonly through?: readonly string[]
  /** It starts processes that do not end with it: a signal goes to all of them, as Ctrl-C in a terminal does. */
  readonly group?: boolean
  /** Besides that of the test. */
  readonly env?: Readonly<Record<string, string>>
}

const running = new Set<Cli>()

/** A `sidewire` process, and what it has said. */
export class Cli {
  readonly stdout: string[] = []
  readonly stderr: string[] = []
  readonly exited: Promise<Exit>
  readonly #process: ChildProcess
  readonly #group: boolean
  readonly #lines: string[] = []
  readonly #listeners = new Set<() => void>()
  #read = 0

  constructor(args: readonly string[], options: CliOptions) {
    const { cwd, target = NODE_TARGET, script = CLI, through = [], group = false, env: more } = options
    const [command = '', ...words] = [...through, target.command, script, ...args]
    const env: NodeJS.ProcessEnv = { ...process.env, NO_COLOR: '1', ...more }
    // What the test runner brought.
    delete env['FORCE_COLOR']
    delete env['NODE_OPTIONS']
    this.#process = spawn(command, words, {
      cwd,
      env,
      stdio: ['ignore', 'pipe', 'pipe'],
      detached: group,
    })
    this.#group = group
    for (const name of ['stdout', 'stderr'] as const) {
      createInterface({ input: this.#process[name]! }).on('line', (line) => {
        this[name].push(line)
        this.#lines.push(line)
        for (const listener of this.#listeners) listener()
      })
    }
    const exited = new Promise<Exit>((resolve, reject) => {
      this.#process.once('error', reject)
      // `close` and not `exit`: the output is complete then.
      this.#process.once('close', (code, signal) => resolve({ code, signal }))
    })
    void exited.finally(() => {
      running.delete(this)
      for (const listener of this.#listeners) listener()
    })
    this.exited = exited
    running.add(this)
  }

  /** The next line that matches, of either stream, behind the one that the last call returned. */
  async line(pattern: RegExp, ms?: number): Promise<RegExpExecArray> {
    let look = (): void => {}
    const found = new Promise<RegExpExecArray>((resolve, reject) => {
      look = () => {
        while (this.#read < this.#lines.length) {
          const match = pattern.exec(this.#lines[this.#read++]!)
          if (!match) continue
          // At once: the lines behind it are for the next call.
          this.#listeners.delete(look)
          resolve(match)
          return
        }
        if (!running.has(this)) reject(new Error(`it ended without ${pattern}`))
      }
    })
    this.#listeners.add(look)
    look()
    try {
      return await within(found, `no line ${pattern}`, ms)
    } catch (error) {
      throw new Error(`${(error as Error).message}; it said:\n${this.#lines.join('\n')}`, { cause: error })
    } finally {
      this.#listeners.delete(look)
    }
  }

  /** Waits for the start-up lines; returns the URL of the first handler. */
  async started(): Promise<string> {
    const [, url = ''] = await this.line(/^ {2}(wss?:\/\/\S+)/)
    await this.line(/Ctrl-C/)
    return url
  }

  get pid(): number {
    if (this.#process.pid === undefined) throw new Error('it did not start')
    return this.#process.pid
  }

  kill(signal: NodeJS.Signals): void {
    if (!this.#group) return void this.#process.kill(signal)
    try {
      process.kill(-this.pid, signal)
    } catch {
      // All of it has just ended.
    }
  }
}

/** `sidewire serve` on a free port, with the target's runtime, unless the arguments say otherwise. */
export function serve(
  cwd: string,
  args: readonly string[] = [],
  target: Target = NODE_TARGET,
  through: readonly string[] = [],
  env: Readonly<Record<string, string>> = {},
): Cli {
  return new Cli(['serve', '--port', '0', '--runtime', target.runtime, ...args], {
    cwd,
    target,
    through,
    env,
  })
}

/** Runs a script to its end. */
export async function run(
  args: readonly string[],
  options: CliOptions,
): Promise<Exit & { readonly stdout: string[]; readonly stderr: string[] }> {
  const cli = new Cli(args, options)
  const exit = await within(cli.exited, 'no end of the process')
  return { ...exit, stdout: cli.stdout, stderr: cli.stderr }
}

/** After each test: no process outlives the test that started it. */
export async function endAll(): Promise<void> {
  const all = [...running]
  for (const cli of all) cli.kill('SIGKILL')
  await Promise.all(all.map((cli) => cli.exited))
  for (const folder of folders.splice(0)) rmSync(folder, { recursive: true, force: true })
}

const folders: string[] = []

/** A folder with these files, gone after the test. */
export function project(files: Readonly<Record<string, string>> = {}): string {
  const folder = realpathSync(mkdtempSync(join(tmpdir(), 'sidewire-test-')))
  folders.push(folder)
  for (const [name, content] of Object.entries(files)) {
    mkdirSync(dirname(join(folder, name)), { recursive: true })
    writeFileSync(join(folder, name), content)
  }
  return folder
}

/** The same with this package installed, and others of those that are here. */
export function installedProject(
  files: Readonly<Record<string, string>>,
  packages: readonly string[] = [],
): string {
  const folder = project(files)
  mkdirSync(join(folder, 'node_modules'))
  symlinkSync(ROOT, join(folder, 'node_modules/sidewire'), 'junction')
  for (const name of packages)
    symlinkSync(join(ROOT, 'node_modules', name), join(folder, 'node_modules', name), 'junction')
  return folder
}

/** A plain TCP server; fails if the port is in use. */
export function listen(port: number): Promise<{ readonly port: number; close(): Promise<void> }> {
  return new Promise((resolve, reject) => {
    const server = createServer()
    server.once('error', reject)
    server.listen(port, '127.0.0.1', () => {
      resolve({
        port: (server.address() as AddressInfo).port,
        close: () => new Promise((done) => server.close(() => done())),
      })
    })
  })
}
