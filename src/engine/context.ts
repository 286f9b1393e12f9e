import type { Clock } from './clock.ts'
import type { Logger } from './logger.ts'
import type { Payload } from './runtime.ts'
import type { Stats } from './stats.ts'
import type { Tap } from './tap.ts'
import type { Network } from './network.ts'
import type { Nodes } from './nodes.ts'
import type { MakePlay } from './play.ts'
import type { LoadDialler } from './upstream/backend.ts'
import type { Legs } from './upstream/legs.ts'

/** What the parts of one engine share. */
export interface Context {
  readonly clock: Clock
  readonly logger: Logger
  readonly stats: Stats
  readonly closeTimeout: number
  /** `undefined` while nobody listens. */
  readonly tap: Tap | undefined
  /** `undefined` where it is perfect. */
  readonly network: Network | undefined
  /** `undefined` where there is no broker. */
  readonly nodes: Nodes | undefined
  publish(topic: string, payload: Payload, compress: boolean): void
  /** A name for a native topic: short, whatever the room is called, and never used twice. */
  newTopic(): string
  /** Whether the runtime can send a pong that answers no ping. */
  canPong(): boolean
  /** Whether the runtime can send a close frame without a code. */
  canCloseWithoutCode(): boolean
  /** Connections to backends. */
  readonly legs: Legs
  readonly loadDialler: LoadDialler
  /** For handlers with a scenario. */
  readonly makePlay: MakePlay
  /** Whether anybody reads what is said at `debug`. */
  readonly isDebug: boolean
}
