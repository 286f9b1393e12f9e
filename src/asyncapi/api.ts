import type { Node } from './node.ts'

// What a document says, whatever its version. Actions are those of the application that it describes, which may be either side.

export interface Api {
  readonly root: Node
  readonly title: string
  readonly servers: readonly ApiServer[]
  readonly channels: readonly Channel[]
  readonly operations: readonly Operation[]
}

export interface ApiServer {
  readonly name: string
  /** In small letters. */
  readonly protocol: string
  /** With its slash; nothing where there is none. */
  readonly pathname: string
  readonly node: Node
}

export interface Channel {
  readonly id: string
  readonly address: string | undefined
  /** Names of servers; `undefined` is all of them. */
  readonly servers: readonly string[] | undefined
  readonly parameters: ReadonlyMap<string, Parameter>
  /** The schema of the query. */
  readonly query: Node | undefined
  /** What it, its operations or its messages are bound to: `ws`, `http`, `kafka`, ... */
  readonly bindings: ReadonlySet<string>
  readonly messages: readonly Message[]
  readonly node: Node
}

/** What may stand in the place of a name of an address. */
interface Parameter {
  /** The values that there are; `undefined` is any. */
  readonly values: readonly string[] | undefined
  /** Of 2.x, which says more than values. */
  readonly schema: Node | undefined
}

export interface Operation {
  readonly id: string
  readonly action: 'send' | 'receive'
  readonly channel: Channel
  readonly messages: readonly Message[]
  /** `undefined` where the document says of no reply; nothing in it where it does not say which. */
  readonly reply: readonly Message[] | undefined
  readonly node: Node
}

export interface Message {
  /** As the document calls it, for people. */
  readonly name: string
  /** All that it is called. */
  readonly names: readonly string[]
  /** What it says of itself. */
  readonly text: string
  readonly kind: 'json' | 'text' | 'binary'
  /** Of a schema language that is not read here. */
  readonly foreign: string | undefined
  /** The schema; `undefined` is anything. */
  readonly payload: Node | undefined
  readonly examples: readonly Example[]
  /** The keys that lead to the correlation id. */
  readonly correlation: readonly string[] | undefined
  readonly node: Node
}

export interface Example {
  /** Its name and summary. */
  readonly text: string
  readonly payload: Node
}
