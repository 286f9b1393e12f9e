import { once } from 'node:events'
import type { IncomingMessage, Server as HttpServer, ServerResponse } from 'node:http'
import type { Duplex } from 'node:stream'
import { useOriginForm } from '../server/handshake.ts'
import type { Claim } from './claim.ts'

/** One instance of the plugin, as the upgrades of an HTTP server meet it. */
export interface Member {
  /** `undefined` once it is known which paths have a handler. */
  readonly starting: Promise<unknown> | undefined
  /** How many of the server's upgrade listeners are Vite's own. */
  viteListeners(httpServer: HttpServer): number
  claim(request: IncomingMessage, url: string): Claim
  /** Answers an upgrade that it has claimed, or that is nobody's under its prefix. */
  take(claim: Exclude<Claim, 'not ours'>, request: IncomingMessage, socket: Duplex, head: Buffer): void
}

/**
 * The upgrades of one HTTP server and all instances of the plugin that serve it: the first that claims one gets it,
 * and what nobody claims is refused once. One listener for all of them, because none can know of the others' claims.
 */
export class Switchboard {
  static readonly #boards = new WeakMap<HttpServer, Switchboard>()
  readonly #httpServer: HttpServer
  readonly #members = new Set<Member>()
  /** The last one on each connection. */
  readonly #answers = new WeakMap<Duplex, ServerResponse>()

  private constructor(httpServer: HttpServer) {
    this.#httpServer = httpServer
  }

  /** Adds an instance to those that serve this server. Returns a function that takes it back. */
  static join(httpServer: HttpServer, member: Member): () => void {
    const board = this.#boards.get(httpServer) ?? new Switchboard(httpServer)
    this.#boards.set(httpServer, board)
    if (board.#members.size === 0) httpServer.on('upgrade', board.#listener).on('request', board.#watch)
    board.#members.add(member)
    return () => {
      board.#members.delete(member)
      if (board.#members.size === 0) httpServer.off('upgrade', board.#listener).off('request', board.#watch)
    }
  }

  readonly #watch = (request: IncomingMessage, response: ServerResponse): void => {
    this.#answers.set(request.socket, response)
  }

  readonly #listener = (request: IncomingMessage, socket: Duplex, head: Buffer): void => {
    useOriginForm(request)
    // Vite's proxy rewrites it in place when it takes the upgrade.
    const url = request.url ?? '/'
    const starting = [...this.#members].flatMap((member) => member.starting ?? [])
    // Node hands over an upgrade at once, also behind a request that waits for its answer still; and that answer may
    // be the last one on this connection (RFC 9112 9.3.2, 9.6).
    const before = this.#answers.get(socket)
    if (before && !before.closed) starting.push(once(before, 'close'))
    if (starting.length === 0) {
      this.#decide(request, url, socket, head)
      return
    }
    // Nobody may have put one on the socket yet, and a client may reset while we wait.
    const ignore = (): void => {}
    socket.on('error', ignore)
    void Promise.allSettled(starting).then(() => {
      if (!socket.writableEnded) this.#decide(request, url, socket, head)
      socket.off('error', ignore)
    })
  }

  #decide(request: IncomingMessage, url: string, socket: Duplex, head: Buffer): void {
    let host: Member | undefined
    for (const member of this.#members) {
      const verdict = member.claim(request, url)
      if (verdict === 'unknown') host ??= member
      if (verdict !== 'ours' && verdict !== 'forbidden') continue
      // Before anything else: a client that resets now must not end the dev server.
      socket.on('error', () => socket.destroy())
      member.take(verdict, request, socket, head)
      return
    }
    if (!host || this.#othersListen()) return
    socket.on('error', () => socket.destroy())
    host.take('unknown', request, socket, head)
  }

  /** Whether anyone but Vite and this plugin listens for upgrades, and may answer what we do not know. */
  #othersListen(): boolean {
    const others = this.#httpServer.listenerCount('upgrade') - 1
    return others > Math.max(...[...this.#members].map((member) => member.viteListeners(this.#httpServer)))
  }
}
