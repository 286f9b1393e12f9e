import { connect, type Socket } from 'node:net'
import type { HttpResponse, us_listen_socket, UwsModule } from './uws-module.ts'

/**
 * Lets an upgrade be written outside of its own cork. After `res.cork(() => res.upgrade(...))` uWebSockets.js
 * looks at the state of the HTTP response once more, although the upgrade has made a WebSocket of its memory; what
 * it reads there now and then says `Connection: close`, and the connection ends right after the 101. While some
 * other response is corked, `res.cork` only calls its callback, without that look. (Not corked at all, each
 * upgrade prints a warning.)
 */
export class OuterCork {
  readonly #uws: UwsModule
  #pending: Promise<void> | undefined
  #outer: HttpResponse | undefined
  #client: Socket | undefined

  constructor(uws: UwsModule) {
    this.#uws = uws
  }

  /** Resolves when `cork` may be called. */
  ready(): Promise<void> {
    return (this.#pending ??= this.#open())
  }

  cork(res: HttpResponse, write: () => void): void {
    if (this.#outer) this.#outer.cork(() => void res.cork(write))
    else res.cork(write)
  }

  close(): void {
    this.#client?.destroy()
    this.#outer?.close()
    this.#outer = undefined
  }

  /** A response that is never given, to a request of our own; nobody listens on its port any more once it is there. */
  #open(): Promise<void> {
    const uws = this.#uws
    return new Promise((resolve) => {
      let listener: us_listen_socket | false = false
      const app = uws.App()
      app.any('/*', (res) => {
        if (listener) uws.us_listen_socket_close(listener)
        res.onAborted(() => {
          this.#outer = undefined
          this.#pending = undefined
        })
        this.#outer = res
        resolve()
      })
      app.listen('127.0.0.1', 0, uws.LIBUS_LISTEN_EXCLUSIVE_PORT, (socket) => {
        listener = socket
        if (!socket) return resolve()
        this.#client = connect(uws.us_socket_local_port(socket), '127.0.0.1')
        this.#client.on('error', () => resolve())
        this.#client.unref().write('GET / HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n')
      })
    })
  }
}
