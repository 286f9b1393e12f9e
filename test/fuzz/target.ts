import { expect } from 'vitest'
import type { Server } from '../../src/index.ts'
import type { RuntimeName } from '../../src/engine/runtime.ts'
import { Contract } from '../contract/harness.ts'
import { loadRuntime } from '../contract/runtimes.ts'
import { within } from '../support/client.ts'
import { throwCrashes } from './fuzz.ts'
import { Peer, turn, WAIT_MS } from './peer.ts'

export const MAX_PAYLOAD = 100_000

/** What the handler saw of one connection. */
export class Seen {
  readonly messages: (string | Buffer)[] = []
  readonly pings: Buffer[] = []
  readonly pongs: Buffer[] = []
  /** Codes of `onClose`; a second one would be a bug. */
  readonly closes: number[] = []
  readonly closed: Promise<void>
  onClosed: () => void = () => {}

  constructor() {
    this.closed = new Promise((resolve) => {
      this.onClosed = resolve
    })
  }
}

/** The server that gets the bytes, with a well-behaved client beside them that must not notice. */
export class Target {
  readonly #contract: Contract
  readonly #seen = new Map<string, Seen>()
  readonly #errors: string[] = []
  readonly #peers: Peer[] = []
  #server!: Server
  #healthy!: Peer
  #echoes = 0
  #connections = 0

  constructor(contract: Contract) {
    this.#contract = contract
  }

  static async start(runtime: RuntimeName): Promise<Target> {
    const target = new Target(new Contract(await loadRuntime(runtime)))
    await target.#start()
    return target
  }

  async #start(): Promise<void> {
    const ignore = (): void => {}
    const error = (message: string): void => void this.#errors.push(message)
    this.#server = await this.#contract.start(
      [
        { pattern: '/healthy', onMessage: (conn, data) => void conn.send(data) },
        {
          pattern: '/late',
          authenticate: async () => {
            await turn()
            return true
          },
        },
        {
          pattern: '/fuzz/{connection}',
          scope: 'path',
          maxPayload: MAX_PAYLOAD,
          compression: true,
          // As they came, so that what JSON makes of them is no part of the question.
          transformRawData: (data) => data,
          onConnect: (conn) => {
            if (!this.#seen.has(conn.path)) this.#seen.set(conn.path, new Seen())
          },
          onMessage: (conn, data) => {
            this.#seen.get(conn.path)?.messages.push(data as Buffer)
            conn.broadcast(data, { includeSelf: true })
          },
          onPing: (conn, data) => void this.#seen.get(conn.path)?.pings.push(data),
          onPong: (conn, data) => void this.#seen.get(conn.path)?.pongs.push(data),
          onClose: (conn, code) => {
            const seen = this.#seen.get(conn.path)
            seen?.closes.push(code)
            seen?.onClosed()
          },
        },
      ],
      { logger: { error, warn: ignore, info: ignore, debug: ignore } },
    )
    this.#healthy = await new Peer(this.#server.port).open('/api/healthy')
  }

  get port(): number {
    return this.#server.port
  }

  peer(): Peer {
    const peer = new Peer(this.#server.port)
    this.#peers.push(peer)
    return peer
  }

  /** An open connection on a path of its own, and what the handler sees of it. */
  async connect(headers: Record<string, string> = {}): Promise<{ peer: Peer; seen: Seen }> {
    const path = `/api/fuzz/${++this.#connections}`
    const seen = new Seen()
    this.#seen.set(path, seen)
    const peer = await this.peer().open(path, headers)
    return { peer, seen }
  }

  async untilClosed(seen: Seen): Promise<number> {
    await within(seen.closed, 'no onClose', WAIT_MS)
    return seen.closes[0] ?? 0
  }

  /** One case; after it nothing has crashed, the healthy client is served, and the counters add up. */
  async run(body: () => Promise<void>): Promise<void> {
    try {
      await body()
      await this.#check()
    } finally {
      // A case that failed must not make the next one fail, or nothing would shrink.
      for (const peer of this.#peers.splice(0)) peer.tcp.destroy()
      await this.#untilQuiet()
      this.#seen.clear()
      this.#errors.length = 0
      this.#healthy.clear()
    }
  }

  async #untilQuiet(): Promise<void> {
    const deadline = performance.now() + WAIT_MS
    while (this.#server.stats().connections > 1 && performance.now() < deadline) await turn()
  }

  async #check(): Promise<void> {
    const echo = `echo ${++this.#echoes}`
    this.#healthy.text(echo)
    await this.#healthy.until(() => this.#healthy.frames.length >= 1, 'echo for the healthy client')
    expect(this.#healthy.isEnded).toBe(false)
    expect(this.#healthy.texts).toEqual([echo])
    this.#healthy.clear()
    await this.#untilQuiet()
    const { connections, opened, closed, closedByCode, handlerErrors } = this.#server.stats()
    expect(connections).toBe(1)
    expect(closed).toBe(opened - 1)
    expect(Object.values(closedByCode).reduce((sum, count) => sum + count, 0)).toBe(closed)
    for (const code of Object.keys(closedByCode))
      expect(isReportable(Number(code)), `close code ${code}`).toBe(true)
    expect(handlerErrors).toBe(0)
    expect(this.#errors).toEqual([])
    throwCrashes()
  }

  async end(): Promise<void> {
    this.#healthy.tcp.destroy()
    await this.#contract.end()
  }
}

/** What `onClose` may be told: RFC 6455 7.4, with 1005 and 1006 for what never was on the wire. */
function isReportable(code: number): boolean {
  return isSendable(code) || code === 1005 || code === 1006
}

/** What a client may send, and every runtime tells: uWebSockets.js loses 1012-1014 and 3000-3999. */
export function isReceivable(code: number): boolean {
  return (code >= 1000 && code <= 1003) || (code >= 1007 && code <= 1011) || (code >= 4000 && code <= 4999)
}

/** What may be on the wire. */
export function isSendable(code: number): boolean {
  return (code >= 1000 && code <= 1003) || (code >= 1007 && code <= 1014) || (code >= 3000 && code <= 4999)
}
