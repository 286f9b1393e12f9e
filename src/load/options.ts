import type { Threshold } from './expect/threshold.ts'
import type { Playback } from './playback.ts'
import type { ProtocolName } from './protocols/protocol.ts'
import type { Stage } from './stages/stage.ts'
import type { Target } from '../wire/target.ts'

export const SCENARIOS = ['echo', 'fanout', 'connect', 'idle', 'script', 'replay'] as const
export type ScenarioName = (typeof SCENARIOS)[number]

/** What is asked of the load generator, complete and checked. Plain data, so that it can be given to a thread. */
export interface LoadOptions {
  readonly target: Target
  readonly scenario: ScenarioName
  /** Spoken on top of WebSocket; `undefined`: none. */
  readonly protocol: ProtocolName | undefined
  /** The file of a script. */
  readonly script: string | undefined
  /** Replay: what connections play, in turns. */
  readonly playbacks: readonly Playback[]
  /** Replay: how many times as fast as it was recorded. */
  readonly speed: number
  /** Replay: keys whose values may differ. */
  readonly leftOut: readonly string[]
  /** In all. Fan-out: the receivers. */
  readonly connections: number
  /** Fan-out: connections that send, besides the receivers. */
  readonly senders: number
  /** Milliseconds. */
  readonly duration: number
  readonly warmup: number
  /** A message that is not answered for as long, in milliseconds, is lost. */
  readonly timeout: number
  /** Messages a second in all, due at fixed times; `undefined` is a closed loop. */
  readonly rate: number | undefined
  /** How the rate, or the number of connections, changes; none: it does not. */
  readonly stages: readonly Stage[]
  /** Handshakes a second while connections are opened; `undefined`: as fast as they are answered. */
  readonly connectRate: number | undefined
  /** Closed loop: messages of a connection under way at a time. */
  readonly window: number
  readonly message: string
  /** Bytes of a message; `undefined` is the default. */
  readonly size: number | undefined
  /** Up to which sizes are drawn from `size` on; `undefined`: all are of that size. */
  readonly maxSize: number | undefined
  /** What sizes are drawn from. */
  readonly seed: number
  /** Addresses of this machine that connections come from, in turns; none: the system chooses. */
  readonly localAddresses: readonly string[]
  /** Sent by every connection once it is open. */
  readonly join: string | undefined
  readonly subprotocol: string | undefined
  readonly headers: readonly string[]
  readonly compress: boolean
  readonly tlsInsecure: boolean
  readonly workers: number
  /** What the run has to keep to. */
  readonly expect: readonly Threshold[]
  /** Idle: the process whose memory is reported. */
  readonly pid: number | undefined
}

/** The part of a worker, which may be one of several. */
export interface Share {
  readonly index: number
  readonly count: number
  /** Which shares are on this machine, and so have its clock and its memory; `undefined`: all. */
  readonly here?: { readonly first: number; readonly count: number }
}

/** Whether the worker that has this index of connections, or of senders, is on this machine. */
export function isHere({ count, here }: Share, index: number): boolean {
  if (!here) return true
  const share = index % count
  return share >= here.first && share < here.first + here.count
}

/** Indices 0 to `total` - 1 that are this worker's. */
export function indicesOf(share: Share, total: number): number[] {
  const indices: number[] = []
  for (let index = share.index; index < total; index += share.count) indices.push(index)
  return indices
}
