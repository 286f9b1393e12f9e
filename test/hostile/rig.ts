import { spawn, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import { expect } from 'vitest'
import type { ServerOptions, Stats, UniversalApiWsHandler } from '../../src/index.ts'
import { connectWs, within, type TestClient } from '../support/client.ts'

export const MIB: number = 1024 * 1024

/** A process that answers each line of JSON with another, one after the other. */
class Servant {
  readonly exited: Promise<unknown>
  readonly #process: ChildProcess
  readonly #waiting: ((line: string) => void)[] = []
  #stderr = ''

  constructor(command: string, args: string[]) {
    const env: NodeJS.ProcessEnv = { ...process.env }
    // What the test runner brought.
    delete env['NODE_OPTIONS']
    this.#process = spawn(command, args, { env, stdio: ['pipe', 'pipe', 'pipe'] })
    this.exited = once(this.#process, 'close')
    running.add(this)
    createInterface({ input: this.#process.stdout! }).on('line', (line) => this.#waiting.shift()?.(line))
    this.#process.stderr!.on('data', (chunk) => (this.#stderr += String(chunk)))
  }

  async next(what: string, ms = 60_000): Promise<any> {
    const line = new Promise<string>((resolve) => this.#waiting.push(resolve))
    const ended = this.exited.then((): never => {
      throw new Error(`the process ended instead of ${what}: ${this.#stderr}`)
    })
    return JSON.parse(await within(Promise.race([line, ended]), `no ${what}`, ms))
  }

  async ask(name: string, args: object = {}, ms?: number): Promise<any> {
    const answer = this.next(`answer to ${name}`, ms)
    this.#process.stdin!.write(`${JSON.stringify({ name, ...args })}\n`)
    const { result, error } = await answer
    if (error !== undefined) throw new Error(error)
    return result
  }

  /** Ends the process. */
  async quit(): Promise<void> {
    running.delete(this)
    this.#process.stdin!.end()
    await within(this.exited, 'no end of the process').catch(() => {
      this.#process.kill('SIGKILL')
    })
  }
}

const file = (name: string): string => fileURLToPath(new URL(name, import.meta.url))

export interface VictimOptions extends Omit<ServerOptions, 'wsHandlers'> {
  /** Fields of the handlers that are attacked. */
  readonly limits?: Partial<UniversalApiWsHandler>
  /** How many files the process may have open. */
  readonly ulimit?: number
}

/** The server, see victim.mjs. */
export class Victim extends Servant {
  port = 0
  #scheme = 'ws'

  static async start(runtime: string, { ulimit, ...options }: VictimOptions = {}): Promise<Victim> {
    // In Bun the worker's own executable is Bun.
    const flags = runtime === 'bun' ? [] : ['--expose-gc']
    const args = [...flags, file('victim.mjs'), runtime, JSON.stringify(options)]
    const victim =
      ulimit === undefined
        ? new Victim(process.execPath, args)
        : new Victim('sh', ['-c', `ulimit -n ${ulimit}; exec "$0" "$@"`, process.execPath, ...args])
    if (options.tls) victim.#scheme = 'wss'
    const started = await victim.next('start of the server')
    if (started.runtime !== runtime) throw new Error(`wanted ${runtime}, got ${started.runtime}`)
    victim.port = started.port
    return victim
  }

  stats(): Promise<Stats> {
    return this.ask('stats')
  }

  /** Bytes of the process, after a collection. */
  async memory(): Promise<number> {
    return (await this.ask('memory')).rss
  }

  /** The most that it had since this was asked last. */
  highest(): Promise<number> {
    return this.ask('highest')
  }

  cpu(): Promise<number> {
    return this.ask('cpu')
  }

  /** How many files it has open; only Linux tells. */
  files(): Promise<number | null> {
    return this.ask('files')
  }

  /** How often `onError` was told what. */
  errors(): Promise<Record<string, number>> {
    return this.ask('errors')
  }

  log(): Promise<string[]> {
    return this.ask('log')
  }

  connect(path = '/quiet'): Promise<TestClient> {
    return connectWs(`${this.#scheme}://127.0.0.1:${this.port}/api${path}`)
  }
}

/** The hostile clients, see attacker.mjs. */
export class Attacker extends Servant {
  static async start(port: number, niceness = 10): Promise<Attacker> {
    const attacker = new Attacker('node', [file('attacker.mjs'), String(port), String(niceness)])
    await attacker.next('start of the attacker')
    return attacker
  }

  /** Resolves when the attack is on its way; how many connections are open, and what became of handshakes by status. */
  start(attack: string, args: object): Promise<Record<string, number>> {
    return this.ask('start', { attack, ...args })
  }

  stop(): Promise<Record<string, number>> {
    return this.ask('stop')
  }

  count(): Promise<Record<string, number>> {
    return this.ask('count')
  }

  /** Ends what goes on, and all connections. */
  end(): Promise<void> {
    return this.ask('end')
  }
}

const PHASES = 5
const PHASE_MS = 150
const MOST_MS = 5000
/**
 * The time slice of a usual scheduler: with fewer processors than processes anybody waits that long now and then, and
 * what is shorter says nothing about the server.
 */
const SLICE_MS = 2

/** The 99th percentile of round trips, in milliseconds. */
export async function p99(client: TestClient, ms: number = PHASE_MS): Promise<number> {
  const times: number[] = []
  const begin = performance.now()
  // Enough of them, if they are not so slow that it is clear already.
  const isEnough = (): boolean => {
    const elapsed = performance.now() - begin
    return elapsed > MOST_MS || (elapsed > ms && times.length >= 100)
  }
  while (!isEnough()) {
    const start = performance.now()
    client.send('x')
    await client.next()
    times.push(performance.now() - start)
  }
  return times.toSorted((a, b) => a - b)[Math.floor(times.length * 0.99)]!
}

/**
 * Medians of phases that take turns, so that what else the machine does disturbs both alike. In the quiet ones the
 * attacker is as busy, with nothing: it is the server that is compared, not the machine.
 */
export async function compare(
  client: TestClient,
  attacker: Attacker,
  attack: string,
  args: object,
): Promise<{ quiet: number; loud: number }> {
  const [quiet, loud]: [number[], number[]] = [[], []]
  await p99(client)
  for (let i = 0; i < PHASES; i++) {
    await attacker.start('burn', {})
    quiet.push(await p99(client))
    await attacker.stop()
    await attacker.start(attack, args)
    loud.push(await p99(client))
    await attacker.end()
  }
  return { quiet: median(quiet), loud: median(loud) }
}

/** For a test that measures: what another process of this machine did to it may happen once. */
export const MEASURED = { retry: 2 }

/** Other clients' p99 stays under 5 times its quiet value. */
export function expectCalm({ quiet, loud }: { quiet: number; loud: number }): void {
  expect(loud).toBeLessThan(5 * Math.max(quiet, SLICE_MS))
}

function median(values: number[]): number {
  return values.toSorted((a, b) => a - b)[values.length >> 1]!
}

const running = new Set<Servant>()

/** Ends the processes of a test. */
export async function endAll(): Promise<void> {
  await Promise.all([...running].map((servant) => servant.quit()))
}
