import { afterEach, describe, expect, test } from 'vitest'
import { createServer, type RuntimeChoice, type Server, type ServerOptions } from '../../src/index.ts'
import { NETWORK_RUNTIMES } from '../contract/runtimes.ts'
import { connectWs, type TestClient } from '../support/client.ts'
import { holdingsOf } from '../support/inside.ts'
import { settledHeap } from '../support/memory.ts'

const servers: Server[] = []
afterEach(() => Promise.all(servers.splice(0).map((server) => server.close())))

const CLIENTS = 10
const RELOADS = 1000
/** Messages of a client that are on their way at once. */
const WINDOW = 4
/** Handlers carry so many numbers, so that it shows if a reload keeps the old ones. */
const BALLAST = 2000
/** Compiled code, caches that fill. */
const MOST_KEPT = 2 * 1024 * 1024

interface Numbered {
  readonly from: number
  readonly n: number
}

/** The same handlers, new objects each time; now and then something else changes with them. */
function version(runtime: RuntimeChoice, number: number): ServerOptions {
  const ballast = Array.from({ length: BALLAST }, () => number)
  return {
    runtime,
    port: 0,
    logLevel: 'silent',
    wsHandlers: [
      {
        pattern: '/chat',
        scope: number % 3 === 0 ? 'path' : 'handler',
        heartbeat: number % 5 === 0 ? 1000 : false,
        inactivityTimeout: number % 7 === 0 ? 60_000 : false,
        sequential: number % 2 === 0,
        maxMessagesPerSecond: number % 4 === 0 ? 1_000_000 : 0,
        onConnect: (conn) => conn.joinRoom('all'),
        onMessage: (conn, data) =>
          conn.broadcast(data, ballast[0]! % 2 ? { room: 'all', includeSelf: true } : { includeSelf: true }),
      },
      ...(number % 10 === 0 ? [{ pattern: '/sometimes' }] : []),
    ],
  }
}

/** Sends its numbers until it is told to stop, and checks that everybody's numbers arrive in order, its own too. */
class Talker {
  readonly #client: TestClient
  readonly #id: number
  readonly #seen: number[] = Array.from({ length: CLIENTS }, () => 0)
  #sent = 0
  #isDone = false

  constructor(client: TestClient, id: number) {
    this.#client = client
    this.#id = id
  }

  #send(): void {
    this.#client.json({ from: this.#id, n: this.#sent++ } satisfies Numbered)
  }

  async talk(): Promise<void> {
    for (let i = 0; i < WINDOW; i++) this.#send()
    while (this.#seen[this.#id]! < this.#sent) {
      await this.#receive()
      if (!this.#isDone && this.#sent - this.#seen[this.#id]! < WINDOW) this.#send()
    }
  }

  stop(): void {
    this.#isDone = true
  }

  get sent(): number {
    return this.#sent
  }

  /** What others have sent, too. */
  async receiveAll(sent: readonly number[]): Promise<void> {
    while (this.#seen.some((n, from) => n < sent[from]!)) await this.#receive()
    expect(this.#seen).toEqual(sent)
  }

  async #receive(): Promise<void> {
    const { from, n } = (await this.#client.next()) as Numbered
    if (n !== this.#seen[from]) throw new Error(`client ${from}: ${n} instead of ${this.#seen[from]}`)
    this.#seen[from]++
  }
}

describe.each(NETWORK_RUNTIMES)('reloads on %s', (runtime) => {
  test('1,000 in the middle of traffic: nothing is lost, doubled, out of order or kept', async () => {
    const server = await createServer(version(runtime, 0))
    servers.push(server)
    const url = `${server.url}/api/chat`
    const clients = await Promise.all(Array.from({ length: CLIENTS }, () => connectWs(url)))
    const talkers = clients.map((client, id) => new Talker(client, id))
    const talking = Promise.all(talkers.map((talker) => talker.talk()))
    const before = { ...holdingsOf(server) }
    let early = 0
    let removed = 0
    for (let number = 1; number <= RELOADS; number++) {
      server.reload(version(runtime, number))
      if (number % 100 === 0) {
        const guest = await connectWs(`${server.url}/api/sometimes`)
        server.reload(version(runtime, number + 1))
        expect(await guest.closed).toEqual({ code: 1001, reason: 'Handler removed' })
        removed++
      }
      const target = talkers[0]!.sent
      // Some traffic between any two.
      while (talkers[0]!.sent === target) await new Promise((resolve) => setImmediate(resolve))
      if (number === RELOADS / 5) early = await settledHeap()
    }
    const late = await settledHeap()
    for (const talker of talkers) talker.stop()
    await talking
    const sent = talkers.map((talker) => talker.sent)
    await Promise.all(talkers.map((talker) => talker.receiveAll(sent)))
    expect(Math.min(...sent)).toBeGreaterThan(RELOADS / 2)
    expect(removed).toBe(RELOADS / 100)
    expect(late - early).toBeLessThan(MOST_KEPT)
    server.reload(version(runtime, 0))
    expect({ ...holdingsOf(server) }).toEqual(before)
    expect(server.connections).toHaveLength(CLIENTS)
    const { messagesIn, messagesOut, handlerErrors, closedByCode } = server.stats()
    const total = sent.reduce((sum, n) => sum + n, 0)
    expect({ messagesIn, messagesOut, handlerErrors, closedByCode }).toEqual({
      messagesIn: total,
      messagesOut: total * CLIENTS,
      handlerErrors: 0,
      closedByCode: { 1001: removed },
    })
  })
})
