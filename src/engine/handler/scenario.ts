import type { WebSocketConnection } from '../connection/websocket-connection.ts'
import type { Params } from '../handshake/routing.ts'
import type { HandshakeRequest } from '../handshake/request.ts'
import type { Span } from './faults.ts'

// What a mock does without code: the option `scenario` of a handler. What plays it is in src/scenario.

type MaybePromise<T> = T | Promise<T>

/** Numbers by chance, the same ones each time: see `seed`. Called, it is from 0 to below 1. */
export interface Random {
  (): number
  /** A whole number, both ends included. */
  int(min: number, max: number): number
  pick<T>(list: readonly T[]): T
  /** True so often: 0.1 is once in ten times. */
  chance(probability: number): boolean
  /** A UUID v4. */
  uuid(): string
}

/** What a function of a scenario gets. */
export interface Moment<In = any, Out = any, State = any, Shared = any> {
  readonly conn: WebSocketConnection<any, Params, Out>
  /** The message that is answered, or was waited for; `undefined` in `connect`, `disconnect` and `every`. */
  readonly message: In
  /** Which time this entry of the scenario runs, from 1; a `repeat` in it is the same time. */
  readonly n: number
  /** Of the connection. */
  readonly state: State
  /** Of all connections of the handler. */
  readonly shared: Shared
  readonly random: Random
  /** Milliseconds since the epoch, by the clock of the engine. */
  now(): number
}

/** The same where no connection is meant. */
export type SharedMoment<Shared = any> = Pick<
  Moment<any, any, any, Shared>,
  'n' | 'shared' | 'random' | 'now'
>

/** A value, or a function that makes one. Any value is in words: `any` would swallow the function, and what it gets. */
export type Value<M, T = any> = 0 extends 1 & T
  ? ((moment: M) => unknown) | {} | null
  : ((moment: M) => MaybePromise<T | undefined | void>) | T

/** Who gets it: this connection, all others, all, or a room. */
export type Target<M = Moment> =
  | 'self'
  | 'others'
  | 'all'
  | { readonly room: Value<M, string>; readonly includeSelf?: boolean }

/**
 * Which messages: text by a string or an expression, a number and `true` as they are, an object by what it has to have, at any depth, or
 * whatever a function says.
 */
export type Match<In, M> =
  | string
  | number
  | boolean
  | RegExp
  | { readonly [key: string]: unknown }
  | ((message: In, moment: M) => boolean)

export type Step<In, Out, M> =
  | { readonly send: Value<M, Out>; readonly to?: Target<M> }
  /** Milliseconds, or some between two, by chance. */
  | { readonly wait: Span }
  /** Takes the next message that matches, before `on` sees it; after `within` ms `otherwise`, or an error and 1008. */
  | {
      readonly expect: Match<In, M>
      readonly within?: number
      readonly otherwise?: Steps<In, Out, M>
    }
  /** Merged into the state, one level deep. */
  | { readonly set: Value<M, object>; readonly in?: 'state' | 'shared' }
  /** The phase from now on. */
  | { readonly goto: string }
  | { readonly join: Value<M, string> }
  | { readonly leave: Value<M, string> }
  | { readonly close: number; readonly reason?: string }
  /** The end of the TCP connection, without a close frame. */
  | { readonly drop: true }
  /** `Infinity`: for ever, which needs a `wait` in it. */
  | { readonly repeat: number; readonly steps: Steps<In, Out, M> }
  | ((moment: M) => unknown)

export type Steps<In, Out, M> = Step<In, Out, M> | readonly Step<In, Out, M>[]

/** What answers messages. */
export interface On<In, Out, M> {
  readonly when: Match<In, M>
  /** Only in this phase, or these. */
  readonly phase?: string | readonly string[]
  /** The phase from now on; a connection begins in `'start'`. */
  readonly goto?: string
  /** Each time. */
  readonly reply?: Steps<In, Out, M>
  /** The first time, the second, … */
  readonly replies?: readonly Steps<In, Out, M>[]
  /** When they are used up: the last one again, all of them again, or on to `onMessage`. @defaultValue 'last' */
  readonly after?: 'last' | 'cycle' | 'pass'
  /** Whose times are counted. @defaultValue 'connection' */
  readonly count?: 'connection' | 'handler'
}

/** What is sent again and again. */
export type Every<Out, M, Shared> = {
  /** Milliseconds between two, or some between two numbers, by chance. */
  readonly every: Span
  /** Milliseconds before the first. @defaultValue as `every` */
  readonly first?: Span
  /** How often at most. @defaultValue Infinity */
  readonly times?: number
} & (
  | {
      readonly to?: 'self' | 'others'
      readonly send: Value<M, Out>
      readonly phase?: string | readonly string[]
    }
  /** Once for all of them, or of a room, as long as anybody is connected. */
  | { readonly to: 'all'; readonly room?: string; readonly send: Value<SharedMoment<Shared>, Out> }
)

/** A conversation, as data. */
export interface Scenario<
  In = any,
  Out = any,
  State = any,
  Shared = any,
  M = Moment<In, Out, State, Shared>,
> {
  /** What chance comes from. @defaultValue 1 */
  readonly seed?: number | string
  /** Tells clients apart for chance. @defaultValue the number of the connection */
  key?(req: HandshakeRequest): string
  /** A value is copied for each connection. @defaultValue {} */
  readonly state?: 0 extends 1 & State
    ? object | ((conn: WebSocketConnection) => object)
    : State | ((conn: WebSocketConnection) => State)
  /** @defaultValue {} */
  readonly shared?: 0 extends 1 & Shared ? object | (() => object) : Shared | (() => Shared)
  /** When a client has connected, beside what it sends. */
  readonly connect?: Steps<In, Out, M>
  /** When a client has gone, by whichever side: what is sent to others, and what is set. */
  readonly disconnect?: Steps<In, Out, M>
  /** Behind `responses`, before `onMessage`: the first that matches. */
  readonly on?: readonly On<In, Out, M>[]
  readonly every?: readonly Every<Out, M, Shared>[]
  /** For messages that nobody takes; not together with `onMessage`. */
  readonly otherwise?: Steps<In, Out, M>
}

/** Identity; for the types of what stands outside of a handler. */
export function defineScenario<State = any, Shared = any, In = any, Out = any>(
  scenario: Scenario<NoInfer<In>, NoInfer<Out>, State, Shared>,
): Scenario<In, Out, State, Shared> {
  return scenario
}
