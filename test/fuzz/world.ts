import { expect } from 'vitest'
import type { Server } from '../../src/index.ts'
import type { RuntimeName } from '../../src/engine/runtime.ts'
import { Contract } from '../contract/harness.ts'
import { loadRuntime } from '../contract/runtimes.ts'
import { within } from '../support/client.ts'
import { holdingsOf } from '../support/inside.ts'
import { count, throwCrashes } from './fuzz.ts'
import { MAX_BACKPRESSURE, type Op, type Settings } from './ops.ts'
import type { Member } from './oracle.ts'
import type { Trouble } from './network.ts'
import { Peer, turn, WAIT_MS } from './peer.ts'
import { Stage } from './stage.ts'

/** A server for all cases; each case has handlers of its own. */
export class Worlds {
  readonly contract: Contract
  #server: Server | undefined
  #cases = 0

  private constructor(contract: Contract) {
    this.contract = contract
  }

  static async start(runtime: RuntimeName): Promise<Worlds> {
    return new Worlds(new Contract(await loadRuntime(runtime)))
  }

  async create(): Promise<World> {
    // A reload cannot raise the native limits.
    this.#server ??= await this.contract.start({ pattern: '/', maxBackpressure: MAX_BACKPRESSURE.first })
    return new World(this.#server, ++this.#cases)
  }

  /** After all cases: of the topics that there ever were, none has a subscriber. */
  async end(): Promise<void> {
    if (this.#server) expect(holdingsOf(this.#server).topics).toBe(0)
    await this.contract.end()
  }
}

interface Client {
  /** Messages that it sent. */
  sent: number
  readonly peer: Peer
  readonly opened: Promise<unknown>
  readonly id: string
}

/** One case: clients, the handlers that serve them, and the comparison of what they got with what they had to get. */
export class World {
  readonly clients: Client[] = []
  readonly #stage: Stage
  #barriers = 0

  constructor(server: Server, number: number) {
    this.#stage = new Stage(server, number)
  }

  connect(place: 'x' | 'y' | 'second', deflate: boolean): void {
    const id = `${this.clients.length}`
    const peer = new Peer(this.#stage.server.port)
    peer.answersClose = true
    const opened = peer
      .open(this.#stage.pathOf(place), {
        'X-Peer': id,
        ...(deflate && { 'Sec-WebSocket-Extensions': 'permessage-deflate' }),
      })
      // Its handler may be gone by then.
      .catch((error: unknown) => {
        if (peer.status !== 404) this.#stage.fail(error)
        peer.tcp.destroy()
      })
    this.clients.push({ sent: 0, peer, opened, id })
  }

  async tell(who: number, turns: readonly (readonly Op[])[]): Promise<void> {
    const client = await this.#client(who)
    if (!client || client.peer.isEnded) return
    client.peer.tcp.cork()
    for (const ops of turns) client.peer.text(JSON.stringify({ ops }))
    client.peer.tcp.uncork()
    client.sent += turns.length
  }

  async closeFrame(who: number, code: number): Promise<void> {
    const client = await this.#client(who)
    if (!client) return
    this.#stage.oracle.goes(client.id, client.sent)
    client.peer.closeFrame(code)
  }

  async vanish(who: number, reset: boolean): Promise<void> {
    const client = await this.#client(who)
    if (!client) return
    this.#stage.oracle.goes(client.id)
    client.peer.vanish(reset)
  }

  async pause(who: number): Promise<void> {
    const client = await this.#client(who)
    client?.peer.tcp.pause()
  }

  async #client(who: number): Promise<Client | undefined> {
    const client = this.clients[who % this.clients.length]
    await client?.opened
    return client
  }

  reload(settings: Settings): void {
    this.#stage.reload(settings)
  }

  faults(handler: 'first' | 'second', trouble: Trouble | null): void {
    this.#stage.faults(handler, trouble ?? undefined)
  }

  publish(handler: 'first' | 'second', rooms: readonly string[] | null, size: number): void {
    this.#stage.publish(handler, rooms, size)
  }

  /** Everything that is under way arrives; then each client has what the oracle says, and nothing else. */
  async check(): Promise<void> {
    await Promise.all(this.clients.map(({ opened }) => opened))
    for (const { peer } of this.clients) peer.tcp.resume()
    this.#stage.lift()
    // A barrier shows that handlers have done what they were told, and that what they sent has arrived; but an end that
    // follows may make them send more. When nothing has happened between two looks, nothing is under way.
    let done: number
    do {
      done = this.#stage.log.length
      await this.#barrier()
      await this.#ends()
    } while (this.#stage.log.length > done)
    this.#stage.throwFailures()
    for (const { id, peer } of this.clients) {
      const member = this.#stage.oracle.members.get(id)
      if (member) this.#checkMember(member, peer)
    }
    const { scopes, rooms } = holdingsOf(this.#stage.server)
    expect({ scopes, rooms }).toEqual(this.#stage.oracle.holdings())
    this.#stage.goOn()
    throwCrashes()
  }

  async #barrier(): Promise<void> {
    const number = ++this.#barriers
    await Promise.all(
      this.clients.map(async (client) => {
        const { id, peer } = client
        const member = this.#stage.oracle.members.get(id)
        if (!member || peer.isEnded) return
        const before = peer.texts.length
        const mark: Op = { op: 'mark', number }
        peer.text(JSON.stringify({ ops: [mark] }))
        client.sent++
        const isMark = (text: string): boolean => text === `${id}#mark ${number}`
        await peer.until(
          () => peer.closeCode !== undefined || peer.texts.slice(before).some(isMark),
          `barrier for ${id}`,
        )
      }),
    )
  }

  /** Who is to be gone is gone, on both sides. */
  async #ends(): Promise<void> {
    const isGoing = ({ id }: { id: string }): boolean => {
      const member = this.#stage.oracle.members.get(id)
      return member !== undefined && (member.isCut || member.closedWith !== undefined)
    }
    const going = this.clients.filter(isGoing)
    for (const { id, peer } of going) await peer.untilEnded(`of client ${id}`)
    const deadline = performance.now() + WAIT_MS
    while (going.some(({ id }) => this.#stage.conns.has(id)) && performance.now() < deadline) await turn()
    const left = going.filter(({ id }) => this.#stage.conns.has(id)).map(({ id }) => id)
    expect(left, 'clients that are gone, without onClose').toEqual([])
  }

  #checkMember(member: Member, peer: Peer): void {
    const who = `client ${member.id}`
    if (!member.isCut && member.closedWith === undefined && peer.isEnded) throw new Error(`${who} was ended`)
    const got = bySender(peer.texts)
    const expected = bySender(member.expected)
    for (const [sender, texts] of got) {
      const all = expected.get(sender) ?? []
      // Whoever is cut off gets the first of them.
      expect(texts.map(brief), `${who} from ${sender}`).toEqual(
        (member.isCut ? all.slice(0, texts.length) : all).map(brief),
      )
    }
    if (member.isCut) return
    expect([...got.keys()].toSorted(), `senders that ${who} heard`).toEqual([...expected.keys()].toSorted())
    if (member.closedWith !== undefined)
      expect(peer.closeCode, `close code of ${who}`).toBe(member.closedWith)
    count('clients checked')
  }

  /** All leave; then nothing is left. */
  async end(): Promise<void> {
    for (const { peer } of this.clients) peer.tcp.destroy()
    const stats = (): number => this.#stage.server.stats().connections
    const deadline = performance.now() + WAIT_MS
    while ((stats() > 0 || this.#stage.conns.size > 0) && performance.now() < deadline) await turn()
    this.#stage.throwFailures()
    expect(this.#stage.conns.size, 'connections without onClose').toBe(0)
    const { connections, opened, closed, handlerErrors } = this.#stage.server.stats()
    expect([connections, opened - closed, handlerErrors]).toEqual([0, 0, 0])
    const { scopes, rooms, unions } = holdingsOf(this.#stage.server)
    expect({ scopes, rooms, unions }).toEqual({ scopes: 0, rooms: 0, unions: 0 })
    throwCrashes()
  }

  /** The order in which the server did it. */
  get log(): string {
    return this.#stage.log.join('\n')
  }

  async abandon(): Promise<void> {
    this.#stage.lift()
    for (const { peer } of this.clients) peer.tcp.destroy()
    await within(Promise.all(this.clients.map(({ peer }) => peer.ended)), 'clients did not end', WAIT_MS)
  }
}

function bySender(texts: readonly string[]): Map<string, string[]> {
  const senders = new Map<string, string[]>()
  for (const text of texts) {
    const sender = text.slice(0, text.indexOf('#'))
    const list = senders.get(sender)
    if (list) list.push(text)
    else senders.set(sender, [text])
  }
  return senders
}

function brief(text: string): string {
  return text.length < 40 ? text : `${text.slice(0, 20)}… ${text.length} characters`
}
