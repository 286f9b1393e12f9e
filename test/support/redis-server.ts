import { join } from 'node:path'
import { BrokerProcess } from './broker-process.ts'
import { freePort } from './free-port.ts'

export interface RedisServerOptions {
  /** More of its command line: `['--requirepass', 'secret']`, `['--user', 'app', 'on', '>secret', ...]`. */
  readonly args?: readonly string[]
  /** Speaks only TLS. */
  readonly tls?: { readonly certFile: string; readonly keyFile: string; readonly caFile: string }
  /** It is not started yet. */
  readonly isAbsent?: boolean
}

/** A real Redis on a port of 127.0.0.1 and on a Unix socket, which keeps nothing. */
export class RedisServer extends BrokerProcess {
  readonly port: number

  static async start(options: RedisServerOptions = {}): Promise<RedisServer> {
    const server = new RedisServer(await freePort(), options)
    if (!options.isAbsent) await server.start()
    return server
  }

  private constructor(port: number, { args = [], tls }: RedisServerOptions) {
    const listening = tls
      ? [
          '--port',
          '0',
          '--tls-port',
          `${port}`,
          '--tls-cert-file',
          tls.certFile,
          '--tls-key-file',
          tls.keyFile,
        ]
      : ['--port', `${port}`]
    // It wants to know whom to trust, even where it asks its clients for no certificate.
    if (tls) listening.push('--tls-ca-cert-file', tls.caFile, '--tls-auth-clients', 'optional')
    super({
      name: 'redis-server',
      ready: 'Ready to accept connections',
      args: (folder) => [
        ...['--bind', '127.0.0.1', ...listening, '--unixsocket', join(folder, 'redis.sock')],
        ...['--dir', folder, '--save', '', '--appendonly', 'no', ...args],
      ],
    })
    this.port = port
  }

  get url(): string {
    return `redis://127.0.0.1:${this.port}`
  }

  /** Of its Unix socket. */
  get path(): string {
    return join(this.folder, 'redis.sock')
  }
}
