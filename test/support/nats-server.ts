import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { BrokerProcess } from './broker-process.ts'
import { freePort } from './free-port.ts'

export interface NatsServerOptions {
  /** Lines of its configuration: `max_payload: 4096`, `authorization { token: "secret" }`. */
  readonly config?: string
  /** It is not started yet. */
  readonly isAbsent?: boolean
}

/** A real NATS on a port of 127.0.0.1. */
export class NatsServer extends BrokerProcess {
  readonly port: number
  #config: string

  static async start(options: NatsServerOptions = {}): Promise<NatsServer> {
    const server = new NatsServer(await freePort(), options)
    if (!options.isAbsent) await server.start()
    return server
  }

  private constructor(port: number, { config = '' }: NatsServerOptions) {
    super({
      name: 'nats-server',
      ready: 'Server is ready',
      args(folder) {
        const file = join(folder, 'nats.conf')
        writeFileSync(file, `listen: "127.0.0.1:${port}"\n${configOf()}\n`)
        return ['--config', file]
      },
    })
    const configOf = (): string => this.#config
    this.#config = config
    this.port = port
  }

  /** From the next start on. */
  configure(config: string): void {
    this.#config = config
  }

  get url(): string {
    return `nats://127.0.0.1:${this.port}`
  }
}
