import { spawn, type ChildProcess } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { findBroker } from '../../scripts/brokers.mjs'
import { within } from './client.ts'

/** What a test process has started; it takes them along wherever it ends. */
const running = new Set<ChildProcess>()
process.once('exit', () => {
  for (const child of running) child.kill('SIGKILL')
})

interface Program {
  readonly name: 'redis-server' | 'nats-server'
  /** What it prints when it takes connections. */
  readonly ready: string
  /** Its arguments, with a folder of its own. */
  args(folder: string): readonly string[]
}

/** A real Redis or NATS in a folder of its own, started, killed, stopped and started again as a test says. */
export class BrokerProcess {
  readonly folder: string = mkdtempSync(join(tmpdir(), 'sidewire-broker-'))
  readonly #program: Program
  #child: ChildProcess | undefined
  #isGone: Promise<void> = Promise.resolve()
  #output = ''

  constructor(program: Program) {
    this.#program = program
  }

  get pid(): number {
    const pid = this.#child?.pid
    if (pid === undefined) throw new Error(`${this.#program.name} is not running`)
    return pid
  }

  /** What it has printed since the last start. */
  get output(): string {
    return this.#output
  }

  /** Resolves when it takes connections. */
  async start(): Promise<void> {
    const { name, ready, args } = this.#program
    const { command, env } = find(name)
    const child = spawn(command, args(this.folder), {
      env,
      cwd: this.folder,
      stdio: ['ignore', 'pipe', 'pipe'],
    })
    this.#child = child
    this.#output = ''
    running.add(child)
    this.#isGone = new Promise<void>((resolve) => {
      child.once('error', () => resolve())
      child.once('close', () => resolve())
    }).then(() => {
      running.delete(child)
    })
    const isReady = new Promise<void>((resolve, reject) => {
      const read = (chunk: Buffer): void => {
        this.#output += chunk.toString()
        if (this.#output.includes(ready)) resolve()
      }
      child.stdout.on('data', read)
      child.stderr.on('data', read)
      child.once('error', reject)
      child.once('close', () => reject(new Error(`${name} has ended:\n${this.#output}`)))
    })
    await within(isReady, `${name} does not start`)
  }

  /** Without a word to its clients, as SIGKILL and a crash are; SIGTERM lets it say goodbye. Resolves when it is gone. */
  async kill(signal: 'SIGKILL' | 'SIGTERM' = 'SIGKILL'): Promise<void> {
    this.#child?.kill(signal)
    await this.#isGone
    this.#child = undefined
  }

  /** Stuck: its connections stay, the system takes what comes, and nobody reads it. */
  freeze(): void {
    process.kill(this.pid, 'SIGSTOP')
  }

  thaw(): void {
    process.kill(this.pid, 'SIGCONT')
  }

  /** Ends it, and its folder. */
  async close(): Promise<void> {
    await this.kill()
    rmSync(this.folder, { recursive: true, force: true })
  }
}

function find(name: Program['name']): NonNullable<ReturnType<typeof findBroker>> {
  const found = findBroker(name)
  if (found) return found
  throw new Error(
    `${name} is not here, and these tests need a real one: node scripts/brokers.mjs, or apt-get install --no-install-recommends ${name}`,
  )
}
