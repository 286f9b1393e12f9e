import { expect } from 'vitest'
import type { Server, ServerOptions, UniversalApiWsHandler, WebSocketConnection } from '../../src/index.ts'
import type { RuntimeName } from '../../src/engine/runtime.ts'
import { HOLDINGS, type Holdings } from '../support/holdings.ts'
import { Contract } from '../contract/harness.ts'
import { loadRuntime } from '../contract/runtimes.ts'
import { within } from '../support/client.ts'
import { count, throwCrashes } from './fuzz.ts'
import { Oracle, type Audience, type Member } from './oracle.ts'
import { Peer, turn, WAIT_MS } from './peer.ts'

/** What a client tells its handler to do. */
export type Op =
  | { readonly op: 'join' | 'leave'; readonly room: string }
  | { readonly op: 'broadcast'; readonly to: To; readonly size: number; readonly binary: boolean }
  | { readonly op: 'send'; readonly size: number }
  | { readonly op: 'publish'; readonly rooms: readonly string[] | null; readonly size: number }
  | { readonly op: 'unions'; readonly start: number }
  | { readonly op: 'flood' }
  | { readonly op: 'close'; readonly who: number; readonly code: number }
  | { readonly op: 'forceClose'; readonly who: number }
  | { readonly op: 'move'; readonly who: number; readonly room: string }

export type To =
  | { readonly kind: 'all' | 'own'; readonly includeSelf: boolean }
  | { readonly kind: 'room'; readonly room: string; readonly includeSelf: boolean }
  | { readonly kind: 'rooms'; readonly rooms: readonly string[]; readonly includeSelf: boolean }

/** What a reload changes. */
export interface Settings {
  readonly scope: 'handler' | 'path'
  readonly compression: boolean
  readonly delay: number
  readonly sequential: boolean
  readonly transform: boolean
  readonly late: boolean
  readonly defaultRoom: string | null
  /** Whether the second handler is there. */
  readonly second: boolean
}

export const FIRST_SETTINGS: Settings = {
  scope: 'handler',
  compression: false,
  delay: 0,
  sequential: false,
  transform: false,
  late: false,
  defaultRoom: null,
  second: true,
}

export const ROOMS: readonly string[] = ['a', 'b', 'c', 'd', 'e', 'f', 'g', '__proto__', ' ']
/** More than a scope keeps as topics: see src/engine/rooms.ts. */
const UNIONS = 70
const FLOOD_MESSAGES = 24
const FLOOD_BYTES = 256 * 1024

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
    this.#server ??= await this.contract.start([], { enableWs: true })
    return new World(this.#server, ++this.#cases)
  }

  /** After all cases: of the topics that there ever were, none has a subscriber. */
  async end(): Promise<void> {
    if (this.#server) expect(holdingsOf(this.#server).topics).toBe(0)
    await this.contract.end()
  }
}

function holdingsOf(server: Server): Holdings {
  const ask = (server as Server & { [HOLDINGS]?: () => Holdings })[HOLDINGS]
  if (!ask) throw new Error('the server does not tell its holdings')
  return ask()
}

interface Client {
  readonly peer: Peer
  readonly opened: Promise<unknown>
  readonly id: string
}

/** One case: a server, clients, and the oracle that knows what they have to get. */
export class World {
  readonly #server: Server
  readonly #oracle = new Oracle()
  readonly #case: number
  readonly clients: Client[] = []
  readonly #failures: unknown[] = []
  readonly #log: string[] = []
  readonly #conns = new Map<string, WebSocketConnection>()
  #settings: Settings = FIRST_SETTINGS
  #texts = 0
  #barriers = 0
  #seconds = 1

  constructor(server: Server, number: number) {
    this.#server = server
    this.#case = number
    this.reload(FIRST_SETTINGS)
  }

  /** A handler that was away and comes back is another one. */
  get #second(): string {
    return `second ${this.#seconds}`
  }

  // What clients do

  /** @param place - the first handler has two paths, the second one */
  connect(place: 'x' | 'y' | 'second', deflate: boolean): void {
    const id = `${this.clients.length}`
    const peer = new Peer(this.#server.port)
    peer.answersClose = true
    const path = place === 'second' ? `/api/second${this.#case}` : `/api/first${this.#case}/${place}`
    const opened = peer
      .open(path, {
        'X-Peer': id,
        ...(deflate && { 'Sec-WebSocket-Extensions': 'permessage-deflate' }),
      })
      // Its handler may be gone by then.
      .catch((error: unknown) => {
        if (peer.status !== 404) this.#failures.push(error)
        peer.tcp.destroy()
      })
    this.clients.push({ peer, opened, id })
  }

  async tell(who: number, turns: readonly (readonly Op[])[]): Promise<void> {
    const client = await this.#client(who)
    if (!client || client.peer.isEnded) return
    client.peer.tcp.cork()
    for (const ops of turns) client.peer.text(JSON.stringify({ ops }))
    client.peer.tcp.uncork()
  }

  async closeFrame(who: number, code: number): Promise<void> {
    const client = await this.#client(who)
    if (client) this.#cut(client, () => client.peer.closeFrame(code))
  }

  async vanish(who: number, reset: boolean): Promise<void> {
    const client = await this.#client(who)
    if (!client) return
    this.#cut(client, () => client.peer.vanish(reset))
  }

  async pause(who: number): Promise<void> {
    const client = await this.#client(who)
    client?.peer.tcp.pause()
  }

  #cut(client: Client, act: () => void): void {
    const member = this.#oracle.members.get(client.id)
    if (member) member.isCut = true
    act()
  }

  async #client(who: number): Promise<Client | undefined> {
    const client = this.clients[who % this.clients.length]
    await client?.opened
    return client
  }

  // What the server does

  reload(settings: Settings): void {
    if (this.#settings.second && !settings.second) {
      for (const member of this.#oracle.ofHandler(this.#second)) this.#close(member, 1001)
    }
    if (!this.#settings.second && settings.second) this.#seconds++
    this.#settings = settings
    this.#oracle.scopes.set('first', settings.scope)
    this.#server.reload(this.#options(settings))
  }

  publish(handler: 'first' | 'second', rooms: readonly string[] | null, size: number): void {
    if (handler === 'second' && !this.#settings.second) return
    const text = this.#text('server', size)
    const pattern = handler === 'first' ? `first${this.#case}/{path}` : `second${this.#case}`
    this.#oracle.publish(handler === 'first' ? handler : this.#second, text, rooms ?? undefined)
    this.#server.publish(pattern, text, rooms ? { rooms } : {})
  }

  #options({
    scope,
    compression,
    delay,
    sequential,
    transform,
    late,
    defaultRoom,
    second,
  }: Settings): ServerOptions {
    const hooks = (handler: string): Omit<UniversalApiWsHandler, 'pattern'> => ({
      compression: compression && { threshold: 64 },
      delay,
      sequential,
      maxBackpressure: 256 * 1024 * 1024,
      ...(transform && { transformRawData: (data: Buffer) => ({ transformed: data.toString() }) }),
      ...(late && { authenticate: () => turn().then(() => true) }),
      ...(defaultRoom !== null && { defaultRoom }),
      onConnect: (conn) => this.#guard(() => this.#enter(conn, handler)),
      onMessage: (conn, data) => {
        this.#guard(() => this.#execute(conn, data, transform))
        return sequential ? turn() : undefined
      },
      onClose: (conn, code) => this.#guard(() => this.#exit(conn, code)),
      onError: (_conn, error) => void this.#failures.push(error),
    })
    const ignore = (): void => {}
    return {
      port: 0,
      logger: { error: (text) => void this.#failures.push(text), warn: ignore, info: ignore, debug: ignore },
      wsHandlers: [
        { ...hooks('first'), pattern: `/first${this.#case}/{path}`, scope },
        ...(second ? [{ ...hooks(this.#second), pattern: `/second${this.#case}` }] : []),
      ],
    }
  }

  /** What a hook throws would go to `onError`, and the trace of a failed expectation with it. */
  #guard(run: () => void): void {
    try {
      run()
    } catch (error) {
      this.#failures.push(error)
    }
  }

  #enter(conn: WebSocketConnection, handler: string): void {
    const id = String(conn.req.headers['x-peer'])
    const member = this.#oracle.enter(id, handler, conn.path)
    conn.metadata['member'] = member
    this.#conns.set(id, conn)
    if (this.#settings.defaultRoom !== null) member.rooms.add(this.#settings.defaultRoom)
    expect(new Set(conn.getRooms())).toEqual(member.rooms)
    // It was let in before a reload took its handler away.
    const isThere = handler === 'first' || (this.#settings.second && handler === this.#second)
    if (!isThere) this.#close(member, 1001)
  }

  #exit(conn: WebSocketConnection, code: number): void {
    const member = this.#memberOf(conn)
    this.#log.push(`${member.id} closed with ${code}`)
    expect(this.#conns.get(member.id)).toBe(conn)
    this.#conns.delete(member.id)
    this.#oracle.leave(member)
    expect(conn.send('nobody')).toBe('closed')
    expect(new Set(conn.getRooms())).toEqual(member.rooms)
    const rooms = [...member.rooms]
    const [toAll, toRooms] = [this.#text(member.id, 3), this.#text(member.id, 3)]
    this.#oracle.broadcast(member, toAll, { includeSelf: true })
    this.#oracle.broadcast(member, toRooms, { rooms, includeSelf: true })
    conn.broadcast(toAll)
    conn.broadcast(toRooms, { rooms })
  }

  #execute(conn: WebSocketConnection, data: unknown, transform: boolean): void {
    const member = this.#memberOf(conn)
    expect(conn.closed).toBe(false)
    const message = transform ? JSON.parse((data as { transformed: string }).transformed) : data
    for (const op of (message as { ops: Op[] }).ops) {
      this.#log.push(`${member.id} ${JSON.stringify(op)}`)
      this.#run(conn, member, op)
      expect(new Set(conn.getRooms())).toEqual(member.rooms)
    }
  }

  #run(conn: WebSocketConnection, member: Member, op: Op): void {
    switch (op.op) {
      case 'join':
        return this.#join(conn, member, op.room)
      case 'leave':
        conn.leaveRoom(op.room)
        return void member.rooms.delete(op.room)
      case 'move': {
        const [other, otherConn] = this.#other(member, op.who)
        this.#join(otherConn, other, op.room)
        const [first] = other.rooms
        if (first === undefined) return
        otherConn.leaveRoom(first)
        return void other.rooms.delete(first)
      }
      case 'broadcast':
        return this.#broadcast(conn, member, op.to, op.size, op.binary)
      case 'send': {
        const text = this.#text(member.id, op.size)
        this.#oracle.send(member, text)
        return void conn.send(text)
      }
      case 'publish':
        return this.publish(member.handler === 'first' ? 'first' : 'second', op.rooms, op.size)
      case 'unions':
        for (let n = 0; n < 2 * UNIONS; n++) {
          const bits = 3 + ((op.start + n) % UNIONS)
          const rooms = ROOMS.filter((_, index) => (bits & (1 << index)) !== 0)
          this.#broadcast(conn, member, { kind: 'rooms', rooms, includeSelf: n % 2 === 0 }, 3, false)
        }
        return
      case 'flood':
        for (let n = 0; n < FLOOD_MESSAGES; n++)
          this.#broadcast(conn, member, { kind: 'all', includeSelf: true }, FLOOD_BYTES, false)
        return
      case 'close': {
        const [other, otherConn] = this.#other(member, op.who)
        this.#close(other, op.code)
        return otherConn.close(op.code)
      }
      case 'forceClose': {
        const [other, otherConn] = this.#other(member, op.who)
        other.isCut = true
        this.#oracle.leave(other)
        return otherConn.forceClose()
      }
    }
  }

  /** 0 is the connection itself. */
  #other(member: Member, who: number): [Member, WebSocketConnection] {
    const conns = [member.id, ...this.#conns.keys()]
    const id = conns[who % conns.length] ?? member.id
    const conn = this.#conns.get(id)
    if (!conn) throw new Error(`${id} acts after its onClose`)
    return [this.#memberOf(conn), conn]
  }

  #join(conn: WebSocketConnection, member: Member, room: string): void {
    if (this.#oracle.isOpen(member)) member.rooms.add(room)
    conn.joinRoom(room)
  }

  #broadcast(conn: WebSocketConnection, member: Member, to: To, size: number, binary: boolean): void {
    const text = this.#text(member.id, size)
    const data = binary ? Buffer.from(text) : text
    const { includeSelf } = to
    const audience: Audience = { includeSelf, ...audienceRooms(to, member) }
    this.#oracle.broadcast(member, text, audience)
    if (to.kind === 'own') conn.broadcastAllRooms(data, includeSelf)
    else if (to.kind === 'room') conn.broadcast(data, { room: to.room, includeSelf })
    else if (to.kind === 'rooms') conn.broadcast(data, { rooms: [...to.rooms], includeSelf })
    else conn.broadcast(data, includeSelf ? { includeSelf } : undefined)
  }

  #close(member: Member, code: number): void {
    if (!this.#oracle.isOpen(member)) return
    this.#oracle.leave(member)
    member.closedWith = code
  }

  #memberOf(conn: WebSocketConnection): Member {
    return conn.metadata['member'] as Member
  }

  #text(sender: string, size: number): string {
    return `${sender}#${++this.#texts}#${'x'.repeat(size)}`
  }

  // What has to be true

  /** Everything that is under way arrives; then each client has what the oracle says, and nothing else. */
  async check(): Promise<void> {
    await Promise.all(this.clients.map(({ opened }) => opened))
    for (const { peer } of this.clients) peer.tcp.resume()
    // The first barrier: every handler has done what it was told. The second: what they sent has arrived, too.
    await this.#barrier()
    await this.#barrier()
    this.#throwFailures()
    for (const { id, peer } of this.clients) {
      const member = this.#oracle.members.get(id)
      if (member) await this.#checkMember(member, peer)
    }
    await this.#checkHoldings()
    this.#throwFailures()
    throwCrashes()
  }

  async #barrier(): Promise<void> {
    const number = ++this.#barriers
    await Promise.all(
      this.clients.map(async ({ id, peer }) => {
        const member = this.#oracle.members.get(id)
        if (!member || peer.isEnded) return
        const before = peer.texts.length
        peer.text(JSON.stringify({ ops: [{ op: 'send', size: number }] }))
        const isMark = (text: string): boolean =>
          text.startsWith(`${id}#`) && text.endsWith(`#${'x'.repeat(number)}`)
        await peer.until(
          () => peer.closeCode !== undefined || peer.texts.slice(before).some(isMark),
          `barrier for ${id}`,
        )
      }),
    )
  }

  async #checkMember(member: Member, peer: Peer): Promise<void> {
    const who = `client ${member.id}`
    if (member.isCut || member.closedWith !== undefined) await peer.untilEnded(`of ${who}`)
    else if (peer.isEnded) throw new Error(`${who} was ended`)
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

  async #checkHoldings(): Promise<void> {
    const deadline = performance.now() + WAIT_MS
    while (this.#conns.size !== this.#oracle.open.length && performance.now() < deadline) await turn()
    expect([...this.#conns.keys()].toSorted(), 'connections without onClose').toEqual(
      this.#oracle.open.map(({ id }) => id).toSorted(),
    )
    const { scopes, rooms } = holdingsOf(this.#server)
    expect({ scopes, rooms }).toEqual(this.#oracle.holdings())
  }

  /** All leave; then nothing is left. */
  async end(): Promise<void> {
    for (const { peer } of this.clients) peer.tcp.destroy()
    const stats = (): number => this.#server.stats().connections
    const deadline = performance.now() + WAIT_MS
    while ((stats() > 0 || this.#conns.size > 0) && performance.now() < deadline) await turn()
    this.#throwFailures()
    expect(this.#conns.size, 'connections without onClose').toBe(0)
    const { connections, opened, closed, handlerErrors } = this.#server.stats()
    expect([connections, opened - closed, handlerErrors]).toEqual([0, 0, 0])
    const { scopes, rooms, unions } = holdingsOf(this.#server)
    expect({ scopes, rooms, unions }).toEqual({ scopes: 0, rooms: 0, unions: 0 })
    throwCrashes()
  }

  #throwFailures(): void {
    const [failure] = this.#failures
    if (failure === undefined) return
    throw failure instanceof Error ? failure : new Error(JSON.stringify(failure))
  }

  /** For the report of a failure: the order in which the server did it. */
  get log(): string {
    return this.#log.join('\n')
  }

  async abandon(): Promise<void> {
    for (const { peer } of this.clients) peer.tcp.destroy()
    await within(Promise.all(this.clients.map(({ peer }) => peer.ended)), 'clients did not end', WAIT_MS)
  }
}

function audienceRooms(to: To, member: Member): { rooms?: readonly string[] } {
  if (to.kind === 'room') return { rooms: [to.room] }
  if (to.kind === 'rooms') return { rooms: to.rooms }
  return to.kind === 'own' ? { rooms: [...member.rooms] } : {}
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
