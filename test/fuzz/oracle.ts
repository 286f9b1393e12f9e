import { Losses, type Trouble } from './network.ts'

// What behaviour.md section 5 says about rooms and broadcasts, in the plainest form: a table of who is where. Each
// handler tells it what it does, at the moment it does it; afterwards it knows what every client has to have got.

export interface Member {
  readonly id: string
  /** Connections of two handlers never hear each other. */
  readonly handler: string
  readonly path: string
  readonly rooms: Set<string>
  /** What it has to get, in order: texts that say who sent them. */
  readonly expected: string[]
  /** What its network does to them, where that is anything; with the trouble that it comes from. */
  losses: Losses | undefined
  /** Of it alone, in the place of its handler's. */
  trouble: Trouble | undefined
  /** The server sent a close frame: nothing more will come, and all before it has to. */
  closedWith: number | undefined
  /** The TCP connection was cut, by either side: what comes is a part of what was expected. */
  isCut: boolean
  /** The server closed it, or tried to: messages that wait are dropped. */
  dropsMessages: boolean
  /** Messages that its handler got. */
  handled: number
  /** How many it sent before its close frame. */
  sentBeforeClose: number | undefined
}

/** Who gets a message: everybody of the scope, or a union of rooms. */
export interface Audience {
  readonly rooms?: readonly string[]
  readonly includeSelf: boolean
}

export class Oracle {
  /** Everybody that ever was, by id. */
  readonly members: Map<string, Member> = new Map<string, Member>()
  readonly #open = new Set<Member>()
  readonly scopes: Map<string, 'handler' | 'path'> = new Map()
  /** What is wrong with the network of each handler. */
  readonly troubles: Map<'first' | 'second', Trouble> = new Map()
  /** Clients that went before their handler had heard of them: the answer to a handshake may be faster than that. */
  readonly #gone = new Map<string, number | undefined>()

  enter(id: string, handler: string, path: string): Member {
    const member: Member = {
      id,
      handler,
      path,
      rooms: new Set(),
      expected: [],
      losses: undefined,
      trouble: undefined,
      closedWith: undefined,
      isCut: this.#gone.has(id),
      dropsMessages: false,
      handled: 0,
      sentBeforeClose: this.#gone.get(id),
    }
    this.members.set(id, member)
    this.#open.add(member)
    return member
  }

  /** The client goes by itself. @param sent - how many messages before its close frame, if it sends one */
  goes(id: string, sent?: number): void {
    const member = this.members.get(id)
    if (!member) {
      this.#gone.set(id, this.#gone.get(id) ?? sent)
      return
    }
    member.isCut = true
    if (sent !== undefined) member.sentBeforeClose ??= sent
  }

  /** Nothing reaches it from now on. */
  leave(member: Member): void {
    this.#open.delete(member)
  }

  isOpen(member: Member): boolean {
    return this.#open.has(member)
  }

  send(member: Member, text: string): void {
    if (this.#open.has(member)) this.#arrives(member, text)
  }

  /** The client alone; `undefined`: as its handler has it. */
  trouble(member: Member, trouble: Trouble | undefined): void {
    // Counts begin anew, also if it is the same as before; but not where nothing was to be taken back.
    if (member.trouble || trouble) member.losses = undefined
    member.trouble = trouble
  }

  #arrives(member: Member, text: string): void {
    const trouble = member.trouble ?? this.troubles.get(member.handler === 'first' ? 'first' : 'second')
    if (member.losses?.trouble !== trouble) member.losses = trouble && new Losses(trouble)
    const copies = member.losses?.copiesOf(text) ?? 1
    for (let copy = 0; copy < copies; copy++) member.expected.push(text)
  }

  broadcast(sender: Member, text: string, { rooms, includeSelf }: Audience): void {
    const byPath = this.scopes.get(sender.handler) === 'path'
    for (const member of this.#open) {
      if (member.handler !== sender.handler) continue
      if (byPath && member.path !== sender.path) continue
      if (member === sender && !includeSelf) continue
      if (rooms && !rooms.some((room) => member.rooms.has(room))) continue
      this.#arrives(member, text)
    }
  }

  publish(handler: string, text: string, rooms: readonly string[] | undefined): void {
    for (const member of this.#open) {
      if (member.handler !== handler) continue
      if (rooms && !rooms.some((room) => member.rooms.has(room))) continue
      this.#arrives(member, text)
    }
  }

  /** Whoever is open and of this handler. */
  ofHandler(handler: string): Member[] {
    return [...this.#open].filter((member) => member.handler === handler)
  }

  /** How many scopes and rooms have members. */
  holdings(): { scopes: number; rooms: number } {
    const scopeOf = ({ handler, path }: Member): string =>
      this.scopes.get(handler) === 'path' ? `${handler} ${path}` : handler
    const scopes = new Set(this.open.map(scopeOf))
    const rooms = new Set(
      this.open.flatMap((member) => [...member.rooms].map((room) => JSON.stringify([scopeOf(member), room]))),
    )
    return { scopes: scopes.size, rooms: rooms.size }
  }

  get open(): Member[] {
    return [...this.#open]
  }
}
