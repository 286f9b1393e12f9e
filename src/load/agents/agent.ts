import { createHash } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { SidewireError } from '../../engine/errors.ts'
import { ClientSocket, type End } from '../../wire/client-socket.ts'
import { targetOf, type Target } from '../../wire/target.ts'
import { now } from '../clock.ts'
import { saidOf } from '../refusal.ts'
import { Secrets } from '../secrets.ts'
import { resolveTarget } from '../target.ts'
import type { FromWorker } from '../worker.ts'
import { startThreads, type WorkerThread } from '../worker-thread.ts'
import { AGENTS_VERSION, decode, encode, SILENCE_MS, type FromAgent, type ToAgent } from './messages.ts'

export interface AgentOptions {
  readonly coordinator: Target
  readonly token: string
  readonly name: string
  readonly runtime: string
  /** The file of a script that this agent may run, where the coordinator has the same. */
  readonly script: string | undefined
  /** A module that calls `runWorker`. */
  readonly worker: URL
  readonly tlsInsecure: boolean
}

const HANDSHAKE_TIMEOUT_MS = 10_000

/** @returns `undefined` for what is no URL */
export function coordinatorAt(text: string): Target | undefined {
  const target = targetOf(text)
  return target && { ...target, path: target.path === '/' ? '/agents' : target.path }
}

/** SHA-256 of a file, in hexadecimal. */
export function hashOf(file: string): string {
  return createHash('sha256').update(readFileSync(file)).digest('hex')
}

/**
 * Makes its part of the load for as long as the coordinator is there; resolves when that has closed the connection, and
 * `undefined` if nobody listens there yet.
 * @throws `ERR_LOAD` if it is refused, or the coordinator is gone
 */
export async function serveCoordinator(
  options: AgentOptions,
  onConnected: () => void,
): Promise<End | undefined> {
  const agent = new Agent(options)
  const end = await agent.connect(onConnected)
  await agent.endThreads()
  if (end.how === 'refused' && end.answer) {
    const said = saidOf(end.answer)
    throw new SidewireError(
      'ERR_LOAD',
      `the coordinator refused this agent: ${said || end.answer.statusLine}`,
    )
  }
  if (end.how === 'refused') return undefined
  if (end.code !== 1000 && end.code !== 1001)
    throw new SidewireError(
      'ERR_LOAD',
      `the coordinator is gone: ${end.reason || end.why || 'it said nothing'}`,
    )
  return end
}

class Agent {
  readonly #options: AgentOptions
  #socket: ClientSocket | undefined
  #threads: WorkerThread[] = []
  #run = 0
  #heard = now()

  constructor(options: AgentOptions) {
    this.#options = options
  }

  connect(onConnected: () => void): Promise<End> {
    const { coordinator, token, name, runtime, tlsInsecure } = this.#options
    return new Promise((resolve) => {
      let watch: NodeJS.Timeout | undefined
      const socket = new ClientSocket(
        {
          target: coordinator,
          headers: [`Authorization: Bearer ${token}`],
          tls: { rejectUnauthorized: !tlsInsecure },
          handshakeTimeout: HANDSHAKE_TIMEOUT_MS,
        },
        {
          open: () => {
            this.#socket = socket
            this.#heard = now()
            onConnected()
            this.#say({ type: 'hello', version: AGENTS_VERSION, name, runtime })
            watch = setInterval(() => {
              if (now() - this.#heard > SILENCE_MS) socket.destroy()
            }, SILENCE_MS / 4)
          },
          message: (bytes, start, end) => this.#message(bytes.toString('utf8', start, end)),
          ended: (end) => {
            clearInterval(watch)
            this.#socket = undefined
            resolve(end)
          },
        },
      )
    })
  }

  async endThreads(isDone = false): Promise<void> {
    await Promise.all(this.#threads.splice(0).map((thread) => thread.end(isDone)))
  }

  #say(message: FromAgent): void {
    this.#socket?.send(encode(message))
  }

  #message(text: string): void {
    this.#heard = now()
    const message = decode(text) as ToAgent
    if (message.type === 'ping') return this.#say({ type: 'pong', at: message.at })
    if (message.type === 'prepare') {
      this.#run = message.run
      const { run } = message
      this.#prepare(message).catch((error: unknown) =>
        this.#say({ type: 'failed', run, message: textOf(error) }),
      )
      return undefined
    }
    if (message.run !== this.#run) return undefined
    if (message.type === 'go') return this.#go(message)
    if (message.type === 'end') void this.endThreads(message.isDone)
    else for (const thread of this.#threads) thread.say({ type: 'stop' })
    return undefined
  }

  async #prepare({
    run,
    options,
    shares,
    script,
    showSecrets,
  }: Extract<ToAgent, { type: 'prepare' }>): Promise<void> {
    await this.endThreads()
    const file = this.#scriptFor(script)
    // The name of the server may be another address here.
    const { address } = await resolveTarget(options.target.url)
    const own = { ...options, script: file, target: { ...options.target, address } }
    const secrets = showSecrets ? undefined : new Secrets([options.target.url], options).values
    this.#threads = startThreads(this.#options.worker, own, shares, secrets)
    this.#threads.forEach((thread, worker) => {
      const { forward, failed } = this.#inNameOf(run, worker)
      thread.ready.then(forward, failed)
    })
  }

  /** Nothing is run that came over the wire: the file is one that was named here, and has to be the same as there. */
  #scriptFor(hash: string | null): string | undefined {
    if (hash === null) return undefined
    const { script } = this.#options
    if (script === undefined)
      throw new SidewireError(
        'ERR_LOAD',
        'it has no script; start it with --script <file>, a copy of the one of the run',
      )
    if (hashOf(script) !== hash)
      throw new SidewireError(
        'ERR_LOAD',
        'its script is another one than that of the run (SHA-256): copy the file',
      )
    return script
  }

  #go({ run, startIn, warmup, duration, snapshotEvery }: Extract<ToAgent, { type: 'go' }>): void {
    const startAt = now() + startIn
    const measureFrom = startAt + warmup
    this.#threads.forEach((thread, worker) => {
      const { forward, failed } = this.#inNameOf(run, worker)
      thread
        .measure((number, at, snapshot) => forward({ type: 'snapshot', number, at, snapshot }))
        .then((result) => forward({ type: 'done', result }), failed)
      thread.say({ type: 'go', startAt, measureFrom, measureUntil: measureFrom + duration, snapshotEvery })
    })
  }

  /** What one of its threads says, and what it fails with. */
  #inNameOf(
    run: number,
    worker: number,
  ): { forward: (message: FromWorker) => void; failed: (error: unknown) => void } {
    const forward = (message: FromWorker): void => this.#say({ type: 'worker', run, worker, message })
    return { forward, failed: (error) => forward({ type: 'failed', message: textOf(error) }) }
  }
}

function textOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error)
}
