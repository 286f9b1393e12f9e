import { expect } from 'vitest'
import type {
  FaultHandle,
  Server,
  ServerOptions,
  UniversalApiWsHandler,
  WebSocketConnection,
} from '../../src/index.ts'
import { count } from './fuzz.ts'
import {
  FIRST_SETTINGS,
  FLOOD_BYTES,
  FLOOD_MESSAGES,
  MAX_BACKPRESSURE,
  ROOMS,
  UNIONS,
  type Op,
  type Settings,
  type To,
} from './ops.ts'
import { faultsOf, type Trouble } from './network.ts'
import { Oracle, type Audience, type Member } from './oracle.ts'
import { turn } from './peer.ts'

/** The handlers of one case. They do what clients tell them, and tell the oracle at the moment they do it. */
export class Stage {
  readonly server: Server
  readonly oracle: Oracle = new Oracle()
  /** Whose onClose has not come yet. */
  readonly conns: Map<string, WebSocketConnection> = new Map()
  /** What was done, in the order of the server: for the report of a failure. */
  readonly log: string[] = []
  readonly #case: number
  readonly #failures: unknown[] = []
  #settings: Settings = FIRST_SETTINGS
  #texts = 0
  #seconds = 1
  /** Ended, and not reported yet. */
  readonly #slow = new Set<Member>()
  /** What is looked at now has to arrive first. */
  #isLifted = false
  readonly #handles = new Map<'first' | 'second', FaultHandle>()

  constructor(server: Server, number: number) {
    this.server = server
    this.#case = number
    this.reload(FIRST_SETTINGS)
  }

  /** A handler that was away and comes back is another one. */
  get #second(): string {
    return `second ${this.#seconds}`
  }

  /** The first handler has two paths, the second one. */
  pathOf(place: 'x' | 'y' | 'second'): string {
    return place === 'second' ? `/api/second${this.#case}` : `/api/first${this.#case}/${place}`
  }

  fail(failure: unknown): void {
    this.#failures.push(failure)
  }

  throwFailures(): void {
    const [failure] = this.#failures
    if (failure === undefined) return
    throw failure instanceof Error ? failure : new Error(JSON.stringify(failure))
  }

  reload(settings: Settings): void {
    if (this.#settings.second && !settings.second) {
      // Whoever has gone by then is no longer in service, and is still heard to the end.
      for (const member of this.oracle.ofHandler(this.#second))
        if (!this.conns.get(member.id)?.closed) this.#close(member, 1001)
    }
    if (!this.#settings.second && settings.second) this.#seconds++
    this.#settings = settings
    this.oracle.scopes.set('first', settings.scope)
    this.server.reload(this.#options(settings))
  }

  /** What is wrong with the network of a handler from now on; `undefined`: nothing. */
  faults(handler: 'first' | 'second', trouble: Trouble | undefined): void {
    if (handler === 'second' && !this.#settings.second) return
    // First, because what was on its way is handed over in between.
    this.oracle.troubles.delete(handler)
    this.#handles.get(handler)?.stop()
    this.#handles.delete(handler)
    if (!trouble) return
    this.log.push(`${handler} has ${JSON.stringify(trouble)}`)
    this.oracle.troubles.set(handler, trouble)
    this.#handles.set(handler, this.server.setFaults(this.#patternOf(handler), faultsOf(trouble)))
    count('troubles of handlers')
  }

  /** All networks are as they should be, also where a client asks for something else, until `goOn`. */
  lift(): void {
    this.#isLifted = true
    this.oracle.troubles.clear()
    for (const handle of this.#handles.values()) handle.stop()
    this.#handles.clear()
    for (const [id, conn] of this.conns) {
      const member = this.oracle.members.get(id)
      if (member) this.oracle.trouble(member, undefined)
      conn.setFaults(undefined)
    }
  }

  goOn(): void {
    this.#isLifted = false
  }

  #patternOf(handler: 'first' | 'second'): string {
    return handler === 'first' ? `first${this.#case}/{path}` : `second${this.#case}`
  }

  publish(handler: 'first' | 'second', rooms: readonly string[] | null, size: number): void {
    if (handler === 'second' && !this.#settings.second) return
    const text = this.#text('server', size)
    this.oracle.publish(handler === 'first' ? handler : this.#second, text, rooms ?? undefined)
    this.server.publish(this.#patternOf(handler), text, rooms ? { rooms } : {})
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
      maxBackpressure: handler === 'first' ? MAX_BACKPRESSURE.first : MAX_BACKPRESSURE.second,
      ...(transform && { transformRawData: (data: Buffer) => ({ transformed: data.toString() }) }),
      ...(late && { authenticate: () => turn().then(() => true) }),
      ...(defaultRoom !== null && { defaultRoom }),
      onConnect: (conn) => this.#guard(() => this.#enter(conn, handler)),
      onMessage: (conn, data) => {
        this.#guard(() => this.#execute(conn, data, transform))
        return sequential ? turn() : undefined
      },
      onClose: (conn, code, _reason, byClient) => this.#guard(() => this.#exit(conn, code, byClient)),
      onError: (conn, error) => {
        const isSlow = (error as { code?: string }).code === 'ERR_BACKPRESSURE'
        if (isSlow && handler !== 'first') this.#overflow(this.#memberOf(conn))
        else this.#failures.push(error)
      },
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
    const member = this.oracle.enter(id, handler, conn.path)
    conn.metadata['member'] = member
    this.conns.set(id, conn)
    if (this.#settings.defaultRoom !== null) member.rooms.add(this.#settings.defaultRoom)
    expect(new Set(conn.getRooms())).toEqual(member.rooms)
    // It was let in before a reload took its handler away.
    const isThere = handler === 'first' || (this.#settings.second && handler === this.#second)
    if (!isThere) this.#close(member, 1001)
  }

  /** A send or a broadcast may end a slow reader; `onError` tells of it a little later. */
  #notice(conn: WebSocketConnection, member: Member): void {
    if (!conn.closed || !this.oracle.isOpen(member)) return
    if (!member.isCut) this.#slow.add(member)
    member.isCut = true
    this.oracle.leave(member)
  }

  #overflow(member: Member): void {
    this.log.push(`${member.id} reads too slowly`)
    count('slow readers ended')
    const bytes = member.expected.reduce((sum, text) => sum + text.length, 0)
    expect(bytes, 'bytes that may wait').toBeGreaterThan(MAX_BACKPRESSURE.second)
    this.#slow.delete(member)
    member.isCut = true
    member.dropsMessages = true
    this.oracle.leave(member)
  }

  #exit(conn: WebSocketConnection, code: number, byClient: boolean): void {
    const member = this.#memberOf(conn)
    this.log.push(`${member.id} closed with ${code}`)
    expect(this.conns.get(member.id)).toBe(conn)
    expect(this.#slow.has(member), `${member.id} was ended without a reason`).toBe(false)
    this.conns.delete(member.id)
    this.oracle.leave(member)
    expect(conn.send('nobody')).toBe('closed')
    expect(new Set(conn.getRooms())).toEqual(member.rooms)
    if (byClient && !member.dropsMessages) {
      expect(member.handled, `messages of ${member.id} before its close`).toBe(member.sentBeforeClose)
      count('clients that closed, and were heard to the end')
    }
    const rooms = [...member.rooms]
    const [toAll, toRooms] = [this.#text(member.id, 3), this.#text(member.id, 3)]
    this.oracle.broadcast(member, toAll, { includeSelf: true })
    this.oracle.broadcast(member, toRooms, { rooms, includeSelf: true })
    conn.broadcast(toAll)
    conn.broadcast(toRooms, { rooms })
  }

  #execute(conn: WebSocketConnection, data: unknown, transform: boolean): void {
    const member = this.#memberOf(conn)
    member.handled++
    // Nothing is handled after a close of ours; the client may have gone before.
    if (conn.closed) {
      expect(member.isCut && !member.dropsMessages, `${member.id} is heard, though it was closed`).toBe(true)
      this.oracle.leave(member)
      count('messages handled after their client had gone')
    }
    const message = transform ? JSON.parse((data as { transformed: string }).transformed) : data
    for (const op of (message as { ops: Op[] }).ops) {
      if (op.op !== 'mark') this.log.push(`${member.id} ${JSON.stringify(op)}`)
      this.#run(conn, member, op)
      this.#notice(conn, member)
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
        this.oracle.send(member, text)
        return void conn.send(text)
      }
      case 'mark': {
        const text = `${member.id}#mark ${op.number}`
        this.oracle.send(member, text)
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
      case 'faults': {
        if (this.#isLifted) return
        const [other, otherConn] = this.#other(member, op.who)
        count('troubles of connections')
        this.oracle.trouble(other, op.trouble ?? undefined)
        return otherConn.setFaults(op.trouble === null ? undefined : faultsOf(op.trouble))
      }
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
        other.dropsMessages = true
        this.oracle.leave(other)
        return otherConn.forceClose()
      }
    }
  }

  /** 0 is the connection itself. */
  #other(member: Member, who: number): [Member, WebSocketConnection] {
    const conns = [member.id, ...this.conns.keys()]
    const id = conns[who % conns.length] ?? member.id
    const conn = this.conns.get(id)
    if (!conn) throw new Error(`${id} acts after its onClose`)
    const other = this.#memberOf(conn)
    this.#notice(conn, other)
    return [other, conn]
  }

  #join(conn: WebSocketConnection, member: Member, room: string): void {
    if (this.oracle.isOpen(member)) member.rooms.add(room)
    conn.joinRoom(room)
  }

  #broadcast(conn: WebSocketConnection, member: Member, to: To, size: number, binary: boolean): void {
    const text = this.#text(member.id, size)
    const data = binary ? Buffer.from(text) : text
    const { includeSelf } = to
    const audience: Audience = { includeSelf, ...audienceRooms(to, member) }
    this.oracle.broadcast(member, text, audience)
    if (to.kind === 'own') conn.broadcastAllRooms(data, includeSelf)
    else if (to.kind === 'room') conn.broadcast(data, { room: to.room, includeSelf })
    else if (to.kind === 'rooms') conn.broadcast(data, { rooms: [...to.rooms], includeSelf })
    else conn.broadcast(data, includeSelf ? { includeSelf } : undefined)
  }

  #close(member: Member, code: number): void {
    member.dropsMessages = true
    if (!this.oracle.isOpen(member)) return
    this.oracle.leave(member)
    member.closedWith = code
  }

  #memberOf(conn: WebSocketConnection): Member {
    return conn.metadata['member'] as Member
  }

  #text(sender: string, size: number): string {
    return `${sender}#${++this.#texts}#${'x'.repeat(size)}`
  }
}

function audienceRooms(to: To, member: Member): { rooms?: readonly string[] } {
  if (to.kind === 'room') return { rooms: [to.room] }
  if (to.kind === 'rooms') return { rooms: to.rooms }
  return to.kind === 'own' ? { rooms: [...member.rooms] } : {}
}
