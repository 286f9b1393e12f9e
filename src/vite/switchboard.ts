import { once, type EventEmitter } from 'node:events'
import type { IncomingMessage, Server as HttpServer, ServerResponse } from 'node:http'
import type { Duplex } from 'node:stream'
import { targetOf, useOriginForm, type Target } from '../server/handshake.ts'
import type { Claim } from './claim.ts'
import { ignoreUpgrade, isHandshake } from './plain-request.ts'
import { Silence } from './silence.ts'

/** One instance of the plugin, as the upgrades of an HTTP server meet it. */
export interface Member {
  /** `undefined` once it is known which paths have a handler. */
  readonly starting: Promise<unknown> | undefined
  /** How many of the server's upgrade listeners are Vite's own. */
  viteListeners(httpServer: HttpServer): number
  claim(httpServer: HttpServer, request: IncomingMessage, target: Target): Claim
  /** Answers an upgrade that it has claimed, or that is nobody's under its prefix. */
  take(
    claim: Extract<Claim, 'ours' | 'forbidden' | 'unknown'>,
    request: IncomingMessage,
    socket: Duplex,
    head: Buffer,
  ): void
  /** The handler that the client may have meant. */
  nearest(url: string): string | undefined
  /** Nobody has answered an upgrade outside of its prefixes, or somebody has ended one under them without an answer. */
  unanswered(target: Target, where: 'outside' | 'under a prefix'): void
}

/**
 * The upgrades of one HTTP server and all instances of the plugin that serve it: the first that claims one gets it, and
 * what nobody claims goes to everybody else, or is refused once. One board for all of them, because none can know of the
 * others' claims.
 *
 * Listeners cannot keep an event from one another, and other libraries end what they do not know: socket.io after a
 * second, `ws` at once. So the board stands before all of them, whenever they were added: in place of `emit`.
 */
export class Switchboard {
  static readonly #boards = new WeakMap<HttpServer, Switchboard>()
  readonly #httpServer: HttpServer
  readonly #members = new Set<Member>()
  /** The last one on each connection. */
  readonly #answers = new WeakMap<Duplex, ServerResponse>()
  /** The `emit` that ours takes the place of. */
  #passOn: EventEmitter['emit']
  #giveBack: (() => void) | undefined

  private constructor(httpServer: HttpServer) {
    this.#httpServer = httpServer
    this.#passOn = emitOf(httpServer)
  }

  /** Adds an instance to those that serve this server. Returns a function that takes it back. */
  static join(httpServer: HttpServer, member: Member): () => void {
    const board = this.#boards.get(httpServer) ?? new Switchboard(httpServer)
    this.#boards.set(httpServer, board)
    if (board.#members.size === 0) board.#install()
    board.#members.add(member)
    return () => {
      if (board.#members.delete(member) && board.#members.size === 0) board.#uninstall()
    }
  }

  #install(): void {
    const server = this.#httpServer
    // Without a listener Node takes an upgrade for a plain request.
    server.on('upgrade', isPresent)
    if (this.#giveBack) return
    const own = Object.getOwnPropertyDescriptor(server, 'emit')
    this.#passOn = emitOf(server)
    server.emit = this.#emit
    this.#giveBack = () => {
      if (own) Object.defineProperty(server, 'emit', own)
      else Reflect.deleteProperty(server, 'emit')
    }
  }

  #uninstall(): void {
    this.#httpServer.off('upgrade', isPresent)
    // Somebody may have put another one over it, which leads here still.
    if (Object.getOwnPropertyDescriptor(this.#httpServer, 'emit')?.value !== this.#emit) return
    this.#giveBack?.()
    this.#giveBack = undefined
  }

  readonly #emit = (event: string | symbol, ...args: unknown[]): boolean => {
    if (this.#members.size > 0 && event === 'request') {
      const [request, response] = args as [IncomingMessage, ServerResponse]
      this.#answers.set(request.socket, response)
    }
    if (this.#members.size > 0 && event === 'upgrade') {
      this.#decide(...(args as [IncomingMessage, Duplex, Buffer]))
      return true
    }
    return this.#passOn(event, ...args)
  }

  #decide(request: IncomingMessage, socket: Duplex, head: Buffer): void {
    if (!isHandshake(request)) {
      this.#leaveToOthers(request, socket, head)
      return
    }
    const target = targetOf(request)
    let host: Member | undefined
    let outsider: Member | undefined
    for (const member of this.#members) {
      const verdict = member.claim(this.#httpServer, request, target)
      if (verdict === 'not yet known') {
        const starting = [...this.#members].flatMap((each) => each.starting ?? [])
        after(starting, socket, () => this.#decide(request, socket, head))
        return
      }
      if (verdict === 'unknown') host ??= member
      // Of several, the one that knows what was meant.
      if (verdict === 'outside' && !(outsider && outsider.nearest(target.url))) outsider = member
      if (verdict === 'ours' || verdict === 'forbidden') {
        this.#give(member, verdict, request, socket, head)
        return
      }
    }
    if (host && !this.#othersListen()) {
      this.#give(host, 'unknown', request, socket, head)
      return
    }
    const silence = new Silence(socket)
    this.#passOn('upgrade', request, socket, head)
    const witness = host ?? outsider
    if (!witness) return
    silence.lasts((isOpen) => {
      if (!this.#members.has(witness)) return
      if (host && isOpen) this.#give(host, 'unknown', request, socket, head)
      else witness.unanswered(target, host ? 'under a prefix' : 'outside')
    })
  }

  /** An upgrade to something else than WebSocket, which neither this plugin nor Vite knows. */
  #leaveToOthers(request: IncomingMessage, socket: Duplex, head: Buffer): void {
    const ignore = (): void => {
      this.#behindAnswers(socket, () => ignoreUpgrade(this.#httpServer, request, socket, head))
    }
    if (!this.#othersListen()) {
      ignore()
      return
    }
    const silence = new Silence(socket)
    this.#passOn('upgrade', request, socket, head)
    silence.lasts((isOpen) => {
      if (isOpen) ignore()
    })
  }

  #give(
    member: Member,
    claim: Parameters<Member['take']>[0],
    request: IncomingMessage,
    socket: Duplex,
    head: Buffer,
  ): void {
    const take = (): void => {
      // Before anything else: a client that resets now must not end the dev server.
      socket.on('error', () => socket.destroy())
      useOriginForm(request)
      member.take(claim, request, socket, head)
    }
    this.#behindAnswers(socket, take)
  }

  /**
   * Node hands over an upgrade at once, also behind a request that waits for its answer still; and that answer may be the
   * last one on this connection (RFC 9112 9.3.2, 9.6).
   */
  #behindAnswers(socket: Duplex, act: () => void): void {
    const before = this.#answers.get(socket)
    if (before && !before.closed) after([once(before, 'close')], socket, act)
    else act()
  }

  /** Whether anyone but Vite and this plugin listens for upgrades, and may answer what we do not know. */
  #othersListen(): boolean {
    const others = this.#httpServer.listenerCount('upgrade') - 1
    return others > Math.max(...[...this.#members].map((member) => member.viteListeners(this.#httpServer)))
  }
}

function isPresent(): void {}

function emitOf(emitter: EventEmitter): EventEmitter['emit'] {
  return emitter.emit.bind(emitter)
}

/** Does it when all of these have settled, if there is still somebody to do it for. */
function after(all: readonly Promise<unknown>[], socket: Duplex, act: () => void): void {
  // Nobody may have put one on the socket yet, and a client may reset while we wait.
  const ignore = (): void => {}
  socket.on('error', ignore)
  void Promise.allSettled(all).then(() => {
    if (!socket.writableEnded && !socket.destroyed) act()
    socket.off('error', ignore)
  })
}
