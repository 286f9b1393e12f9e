import { createHash, randomBytes, timingSafeEqual } from 'node:crypto'
import { SidewireError } from '../engine/errors.ts'
import { createServer, type Server } from '../index.ts'
import { hashOf } from '../load/agents/agent.ts'
import { crewOf } from '../load/agents/crew.ts'
import { AGENTS_VERSION, decode, type FromAgent } from '../load/agents/messages.ts'
import { RemoteAgent } from '../load/agents/remote-agent.ts'
import type { LoadOptions } from '../load/options.ts'
import type { AgentHealth } from '../load/report.ts'
import type { LoadWorker } from '../load/worker-thread.ts'
import { say } from './report.ts'

/** A snapshot has some histograms; one of many connections is a fraction of it. */
const MAX_PAYLOAD = 16 * 1024 * 1024

export interface CoordinatorOptions {
  readonly agents: number
  readonly host: string
  readonly port: number
  /** Drawn, if there is none. */
  readonly token: string | undefined
  readonly showSecrets: boolean
}

/** Where agents come to, and are told what to do: a server of ours, with one handler. */
export class Coordinator {
  readonly #options: CoordinatorOptions
  readonly #server: Server
  readonly #agents: RemoteAgent[]
  readonly #complete: Promise<void>

  private constructor(
    options: CoordinatorOptions,
    server: Server,
    agents: RemoteAgent[],
    complete: Promise<void>,
  ) {
    this.#options = options
    this.#server = server
    this.#agents = agents
    this.#complete = complete
  }

  static async listen(options: CoordinatorOptions): Promise<Coordinator> {
    const token = options.token ?? randomBytes(18).toString('base64url')
    const agents: RemoteAgent[] = []
    const byConnection = new Map<string, RemoteAgent>()
    let complete: () => void = () => {}
    const whole = new Promise<void>((resolve) => {
      complete = resolve
    })
    const server = await createServer({
      host: options.host,
      port: options.port,
      endpointPrefix: '',
      logLevel: 'error',
      inspector: false,
      wsHandlers: [
        {
          pattern: '/agents',
          maxPayload: MAX_PAYLOAD,
          raw: true,
          authenticate: ({ headers }) =>
            isSame(headers['authorization'] ?? '', `Bearer ${token}`)
              ? { success: true }
              : { success: false, status: 401, reason: 'this is not its --token' },
          onMessage(conn, text) {
            const message = decode(String(text)) as FromAgent
            const known = byConnection.get(conn.id)
            if (known) return known.heard(message)
            if (message.type !== 'hello' || message.version !== AGENTS_VERSION)
              return conn.close(4000, 'this agent is of another version of sidewire')
            if (agents.length === options.agents)
              return conn.close(4001, 'there are as many agents as --agents says')
            const agent = new RemoteAgent(
              `${message.name} (${agents.length + 1})`,
              message.runtime,
              (json) => {
                conn.send(json)
              },
            )
            byConnection.set(conn.id, agent)
            agents.push(agent)
            console.error(say(`agent ${agent.name} is here, ${agents.length} of ${options.agents}`))
            if (agents.length === options.agents) complete()
            return undefined
          },
          onClose(conn) {
            byConnection.get(conn.id)?.lost('has gone')
          },
        },
      ],
    })
    console.error(
      say(
        `waiting for ${options.agents} agents; on each machine: sidewire bench agent ws://${options.host === '0.0.0.0' ? '<this machine>' : options.host}:${server.port} --token ${options.token === undefined ? token : '<the token>'}`,
      ),
    )
    return new Coordinator(options, server, agents, whole)
  }

  /** Resolves when all agents are here. */
  async gather(signal: AbortSignal): Promise<void> {
    const aborted = new Promise<void>((resolve) => {
      if (signal.aborted) resolve()
      signal.addEventListener('abort', () => resolve(), { once: true })
    })
    await Promise.race([aborted, this.#complete])
    if (signal.aborted) throw new SidewireError('ERR_LOAD', 'stopped before all agents were here')
  }

  crew(options: LoadOptions): readonly LoadWorker[] {
    const script = options.script === undefined ? null : hashOf(options.script)
    return crewOf(this.#agents, options, script, this.#options.showSecrets)
  }

  get health(): readonly AgentHealth[] {
    return this.#agents.map(({ health }) => health)
  }

  async close(): Promise<void> {
    for (const agent of this.#agents) agent.close()
    await this.#server.close()
  }
}

function isSame(given: string, wanted: string): boolean {
  const [one, other] = [given, wanted].map((text) => createHash('sha256').update(text).digest()) as [
    Buffer,
    Buffer,
  ]
  return timingSafeEqual(one, other)
}
