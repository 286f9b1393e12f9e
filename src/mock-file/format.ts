import type { HandlerSettings, UniversalApiWsHandler } from '../engine/handler/handler.ts'
import type { Faults, Span } from '../engine/handler/faults.ts'
import type { Upstream } from '../engine/upstream/upstream.ts'

// What a mock file may say. scripts/mock-schema.mjs makes the JSON schema from these types that editors complete with: what stands
// above a name here is what they show.

/** Options that take code, and what stands in their place. */
export const CODE_OPTIONS: Readonly<Record<CodeOption, string>> = {
  responses: 'write it as scenario.on',
  schema: 'write the handler in TypeScript, or describe the messages in an AsyncAPI document',
  codec: 'write the handler in TypeScript',
  transformRawData: 'write the handler in TypeScript',
  onStart: 'write the handler in TypeScript',
  onStop: 'write the handler in TypeScript',
  onConnect: 'write what happens then as scenario.connect',
  onMessage: 'write what is answered as scenario.on, and what else comes as scenario.otherwise',
  onUpstreamMessage: 'write the handler in TypeScript',
  onClose: 'write the handler in TypeScript',
  onError: 'write the handler in TypeScript',
  onRequest: 'write the handler in TypeScript',
  onPing: 'write the handler in TypeScript',
  onPong: 'write the handler in TypeScript',
  onDrain: 'write the handler in TypeScript',
  onFault: 'write the handler in TypeScript',
}

/** All that end with a function. */
type CodeOption =
  | 'responses'
  | 'schema'
  | 'codec'
  | 'transformRawData'
  | Extract<keyof UniversalApiWsHandler, `on${string}`>

/** A mock: one handler, a list of them, or `handlers`. */
export type MockFile = MockHandler | readonly MockHandler[] | MockHandlers

interface MockHandlers {
  /** For anchors: x-anything. */
  [key: `x-${string}`]: unknown
  /** Of the form, for editors. */
  $schema?: string
  handlers: readonly MockHandler[]
}

/** What happens on the paths that `pattern` matches. */
export interface MockHandler extends HandlerSettings {
  /** Of the form, for editors; only where the file is one handler. */
  $schema?: string
  /**
   * The path behind `endpointPrefix`, Ant style: `?` one character, `*` any within a segment, `**` any number of segments, `{name}` a
   * parameter, `{name:regex}` one that must match.
   */
  pattern: string
  /**
   * `true` asks for a non-empty `Authorization` header, a string for the header of that name; who has none is refused with 401.
   * @defaultValue false
   */
  authenticate?: boolean | string
  /** A backend that answers what the scenario does not: its URL, or { url, headers, origin, ... }. */
  upstream?: string | Upstream
  /** What is wrong with the network: latency, drop, handshake, disconnect and more. */
  faults?: Faults
  /** The conversation. */
  scenario?: MockScenario
}

/** A value of JSON; text in it may have templates, such as {{message.id}}. */
type Json = unknown

/** Text, a number, true or false; or an object that the message has to have in it. */
type Pattern = string | number | boolean | Parts

/** What the message has to have in it, with operators such as { $gt: 5 } at any depth. */
interface Parts extends Operators {
  [key: string]: Part | undefined
}

type Part = string | number | boolean | null | Parts | readonly unknown[]

/** All of them have to hold; nothing else stands beside them. */
interface Operators {
  /** Text that matches the expression. */
  $regex?: string
  /** One of these. */
  $in?: readonly unknown[]
  /** Whether there is such a key. */
  $exists?: boolean
  /** A number greater than this. */
  $gt?: number
  /** A number that is not smaller than this. */
  $gte?: number
  /** A number smaller than this. */
  $lt?: number
  /** A number that is not greater than this. */
  $lte?: number
  /** Anything but this, or nothing. */
  $ne?: Part
}

/** A conversation, as data. */
export interface MockScenario {
  /** What chance comes from. @defaultValue 1 */
  seed?: number | string
  /** Tells clients apart for chance, such as {{query.user}}. @defaultValue the number of the connection */
  key?: string
  /** What is known of each connection; may have templates of params, query, headers and conn.id. @defaultValue {} */
  state?: { [name: string]: Json }
  /** What all connections of the handler know. @defaultValue {} */
  shared?: { [name: string]: Json }
  /** When a client has connected, beside what it sends. */
  connect?: Steps
  /** When a client has gone, by whichever side: what is sent to others, and what is set. */
  disconnect?: Steps
  /** What answers messages: the first that matches. */
  on?: readonly On[]
  /** What is sent again and again. */
  every?: readonly Every[]
  /** For messages that nobody takes. */
  otherwise?: Steps
}

/** What answers messages. */
interface On {
  /** Which messages. */
  when: Pattern
  /** Only in this phase, or these. */
  phase?: string | readonly string[]
  /** The phase from now on; a connection begins in `start`. */
  goto?: string
  /** Each time. */
  reply?: Steps
  /**
   * The first time, the second, and so on.
   * @minItems 1
   */
  replies?: readonly Steps[]
  /** When they are used up: the last one again, all of them again, or on to the next rule. @defaultValue "last" */
  after?: 'last' | 'cycle' | 'pass'
  /** Whose times are counted. @defaultValue "connection" */
  count?: 'connection' | 'handler'
}

/** What is sent again and again. */
interface Every {
  /** Milliseconds between two, or [min, max], by chance. */
  every: Span
  /** Milliseconds before the first. @defaultValue as `every` */
  first?: Span
  /**
   * How often at most. @defaultValue for ever
   * @minimum 1
   */
  times?: number
  /** `all`: once for all of them, as long as anybody is connected. @defaultValue "self" */
  to?: 'self' | 'others' | 'all'
  /** Beside to: all, only those in this room. */
  room?: string
  /** What is sent; may have templates. */
  send: Json
  /** Only in this phase, or these. */
  phase?: string | readonly string[]
}

type Steps = Step | readonly Step[]

/** One thing that happens. */
type Step = Send | Wait | Expect | SetMemory | Goto | Join | Leave | Close | Drop | Repeat

interface Send {
  /** A message; may have templates. */
  send: Json
  /** Who gets it. @defaultValue "self" */
  to?: 'self' | 'others' | 'all' | Room
}

interface Room {
  /** The room; may be a template. */
  room: string
  /** Also this connection. @defaultValue false */
  includeSelf?: boolean
}

interface Wait {
  /** Milliseconds, or [min, max], by chance. */
  wait: Span
}

interface Expect {
  /** Takes the next message that matches, before `on` sees it. */
  expect: Pattern
  /**
   * Milliseconds. @defaultValue 5000
   * @minimum 0
   */
  within?: number
  /** What happens when nothing came. @defaultValue an error, and the connection is closed with 1008 */
  otherwise?: Steps
}

interface SetMemory {
  /** Merged into the state, one level deep; may have templates. */
  set: { [name: string]: Json } | string
  /** @defaultValue "state" */
  in?: 'state' | 'shared'
}

interface Goto {
  /** The phase from now on. */
  goto: string
}

interface Join {
  /**
   * The connection is in this room from now on; may be a template.
   * @minLength 1
   */
  join: string
}

interface Leave {
  /**
   * The connection is no longer in this room; may be a template.
   * @minLength 1
   */
  leave: string
}

interface Close {
  /**
   * Closes with this code: 1000-1003, 1007-1014 or 3000-4999.
   * @minimum 1000
   * @maximum 4999
   */
  close: number
  reason?: string
}

interface Drop {
  /** The end of the TCP connection, without a close frame: the client sees 1006. */
  drop: true
}

interface Repeat {
  /**
   * How often; `forever` needs a wait in it.
   * @minimum 1
   */
  repeat: number | 'forever'
  /** What is repeated. */
  steps: Steps
}
