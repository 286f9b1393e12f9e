import type { Context } from '../context.ts'
import type { Link } from '../connection/link.ts'
import type { Payload, RuntimeSocket } from '../runtime.ts'

// A scope is everyone a broadcast can reach; a room is some of them, by name; a union is some rooms that were
// broadcast to together. Each of the three is one native topic, so that a broadcast is one native publish.

/** How many unions a scope keeps as topics. The least recently used one makes room. */
const MAX_UNIONS = 64
/** How many unions are remembered after their first broadcast; the second one makes the topic. */
const MAX_CANDIDATES = 256

/** What can be in one: a connection. */
export interface Member {
  /** One that has a link is no subscriber: what it gets goes through the link. */
  readonly link: Link | undefined
  readonly socket: Pick<RuntimeSocket<unknown>, 'publish' | 'subscribe' | 'unsubscribe'>
  transmit(payload: Payload, compress: boolean): unknown
  /** Calls back with the names of the rooms that it is in. */
  eachRoom(visit: (name: string) => void): void
}

/**
 * All of a scope, or of a room. Nobody is subscribed to the topic before the first broadcast: a native subscription
 * costs time and memory, and most rooms, and most scopes of a handler that only answers, never need one.
 */
interface Audience<Conn = Member> {
  readonly topic: string
  readonly members: Set<Conn>
  isSubscribed: boolean
}

interface Room extends Audience {
  readonly name: string
  /** Made with the first union. */
  unions: Set<Union> | undefined
}

interface Union {
  readonly key: string
  readonly topic: string
  readonly rooms: readonly Room[]
  /** Connections in at least one of the rooms: the topic's subscribers. */
  size: number
}

export class Scope<Conn extends Member = Member> {
  readonly #context: Context
  readonly #everyone: Audience<Conn>
  readonly #rooms = new Map<string, Room>()
  /** In order of use, the least recent first. */
  readonly #unions = new Map<string, Union>()
  readonly #candidates = new Set<string>()
  /** Those that have a link. */
  readonly #linked = new Set<Member>()

  constructor(context: Context) {
    this.#context = context
    this.#everyone = { topic: context.newTopic(), members: new Set(), isSubscribed: false }
  }

  /** Everyone who is open. */
  get connections(): ReadonlySet<Conn> {
    return this.#everyone.members
  }

  add(conn: Conn): void {
    enter(this.#everyone, conn)
    if (conn.link) this.#linked.add(conn)
  }

  /** Nothing reaches the connection any more; `conn.rooms` keeps its names, for `onClose` to read. */
  remove(conn: Member): void {
    if (!exit(this.#everyone, conn)) return
    this.#linked.delete(conn)
    conn.eachRoom((name) => this.#part(conn, name))
  }

  /** It has got a link, or lost it. */
  relink(conn: Conn): void {
    if (!this.#everyone.members.has(conn)) return
    if (conn.link) this.#linked.add(conn)
    else this.#linked.delete(conn)
    for (const topic of this.#topicsOf(conn)) {
      if (conn.link) conn.socket.unsubscribe(topic)
      else conn.socket.subscribe(topic)
    }
  }

  join(conn: Member, name: string): void {
    const room = this.#rooms.get(name) ?? this.#create(name)
    room.unions?.forEach((union) => {
      if (!isMember(conn, union)) this.#enter(conn, union)
    })
    enter(room, conn)
  }

  leave(conn: Member, name: string): void {
    this.#part(conn, name)
  }

  /**
   * Sends to everyone in the scope, or in the union of the named rooms, each connection once.
   * @param except - the sender, unless it is to hear itself; need not be in any of the rooms
   * @returns how many connections it went to
   */
  broadcast(
    payload: Payload,
    compress: boolean,
    names: readonly string[] | undefined,
    except: Conn | undefined,
  ): number {
    if (names === undefined) {
      const excluded = except && this.#everyone.members.has(except) ? except : undefined
      return this.#publishTo(this.#everyone, payload, compress, excluded)
    }
    const rooms = this.#find(names)
    const [first] = rooms
    if (first === undefined) return 0
    const excluded = except && rooms.some((room) => room.members.has(except)) ? except : undefined
    if (rooms.length === 1) return this.#publishTo(first, payload, compress, excluded)
    const union = this.#union(rooms)
    if (union) return this.#publish(union, union.size, payload, compress, excluded)
    return sendToEach(rooms, payload, compress, excluded)
  }

  /** Whom {@link broadcast} reaches. */
  *audience(names: readonly string[] | undefined, except?: Conn): Iterable<Conn> {
    const inRooms = names === undefined ? undefined : membersOf(this.#find(names))
    for (const conn of this.#everyone.members)
      if (conn !== except && (inRooms === undefined || inRooms.has(conn))) yield conn
  }

  /** Names and sizes, for inspection. */
  get rooms(): ReadonlyMap<string, number> {
    return new Map([...this.#rooms].map(([name, room]) => [name, room.members.size]))
  }

  get unionCount(): number {
    return this.#unions.size
  }

  #publishTo(audience: Audience, payload: Payload, compress: boolean, excluded: Member | undefined): number {
    const { topic, members, isSubscribed } = audience
    if (!isSubscribed) {
      audience.isSubscribed = true
      for (const conn of members) if (!conn.link) conn.socket.subscribe(topic)
    }
    return this.#publish(audience, members.size, payload, compress, excluded)
  }

  #publish(
    group: Audience | Union,
    size: number,
    payload: Payload,
    compress: boolean,
    excluded: Member | undefined,
  ): number {
    const receivers = excluded ? size - 1 : size
    if (receivers === 0) return 0
    // One that has a link is no subscriber, and uWebSockets.js publishes nothing for whom has no topic at all.
    if (excluded && !excluded.link) excluded.socket.publish(group.topic, payload, compress)
    else this.#context.publish(group.topic, payload, compress)
    if (this.#linked.size > 0) this.#sendLinked(group, payload, compress, excluded)
    return receivers
  }

  #sendLinked(group: Audience | Union, payload: Payload, compress: boolean, excluded?: Member): void {
    for (const conn of this.#linked) {
      const isIn = 'members' in group ? group.members.has(conn) : isMember(conn, group)
      if (isIn && conn !== excluded) conn.transmit(payload, compress)
    }
  }

  #topicsOf(conn: Member): Set<string> {
    const topics = new Set<string>()
    if (this.#everyone.isSubscribed) topics.add(this.#everyone.topic)
    conn.eachRoom((name) => {
      const room = this.#rooms.get(name)
      if (room?.isSubscribed) topics.add(room.topic)
      room?.unions?.forEach((union) => topics.add(union.topic))
    })
    return topics
  }

  #create(name: string): Room {
    const topic = this.#context.newTopic()
    const room: Room = { name, topic, members: new Set(), isSubscribed: false, unions: undefined }
    this.#rooms.set(name, room)
    return room
  }

  #find(names: readonly string[]): Room[] {
    const rooms: Room[] = []
    for (const name of names) {
      const room = this.#rooms.get(name)
      if (room && !rooms.includes(room)) rooms.push(room)
    }
    return rooms
  }

  #part(conn: Member, name: string): void {
    const room = this.#rooms.get(name)
    if (!room || !exit(room, conn)) return
    room.unions?.forEach((union) => {
      if (!isMember(conn, union)) this.#exit(conn, union)
    })
    if (room.members.size > 0) return
    this.#rooms.delete(name)
    room.unions?.forEach((union) => this.#dissolve(union))
  }

  /** The union's topic, made when the same rooms are broadcast to for the second time: most unions repeat, and one that does not is cheaper by hand. */
  #union(rooms: readonly Room[]): Union | undefined {
    // Topics are unique per life of a room, so a key never means an earlier room of the same name.
    const key = rooms
      .map((room) => room.topic)
      .toSorted()
      .join()
    const known = this.#unions.get(key)
    if (known) {
      if (this.#unions.size > MAX_UNIONS / 2) {
        this.#unions.delete(key)
        this.#unions.set(key, known)
      }
      return known
    }
    if (!this.#candidates.delete(key)) {
      this.#candidates.add(key)
      if (this.#candidates.size > MAX_CANDIDATES) deleteFirst(this.#candidates)
      return undefined
    }
    const union: Union = { key, topic: this.#context.newTopic(), rooms, size: 0 }
    for (const conn of membersOf(rooms)) this.#enter(conn, union)
    for (const room of rooms) (room.unions ??= new Set()).add(union)
    if (this.#unions.size >= MAX_UNIONS) {
      const [oldest] = this.#unions.values()
      if (oldest) this.#dissolve(oldest)
    }
    this.#unions.set(key, union)
    return union
  }

  #enter(conn: Member, union: Union): void {
    union.size++
    if (!conn.link) conn.socket.subscribe(union.topic)
  }

  #exit(conn: Member, union: Union): void {
    union.size--
    conn.socket.unsubscribe(union.topic)
  }

  #dissolve(union: Union): void {
    this.#unions.delete(union.key)
    for (const conn of membersOf(union.rooms)) this.#exit(conn, union)
    for (const room of union.rooms) room.unions?.delete(union)
  }
}

function enter(audience: Audience, conn: Member): void {
  audience.members.add(conn)
  if (audience.isSubscribed && !conn.link) conn.socket.subscribe(audience.topic)
}

/** @returns whether it was a member */
function exit(audience: Audience, conn: Member): boolean {
  const wasMember = audience.members.delete(conn)
  if (wasMember && audience.isSubscribed) conn.socket.unsubscribe(audience.topic)
  return wasMember
}

function isMember(conn: Member, union: Union): boolean {
  return union.rooms.some((room) => room.members.has(conn))
}

function membersOf(rooms: readonly Room[]): Set<Member> {
  const members = new Set<Member>()
  for (const room of rooms) for (const conn of room.members) members.add(conn)
  return members
}

function sendToEach(
  rooms: readonly Room[],
  payload: Payload,
  compress: boolean,
  excluded: Member | undefined,
): number {
  const members = membersOf(rooms)
  if (excluded) members.delete(excluded)
  for (const conn of members) conn.transmit(payload, compress)
  return members.size
}

function deleteFirst(set: Set<string>): void {
  for (const key of set) {
    set.delete(key)
    return
  }
}
