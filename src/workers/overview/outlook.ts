import { disconnect, send, type Command, type Reaches } from '../../control/commands.ts'
import { listed, switchFaults, type FaultRequest } from '../../control/reach.ts'
import type { Clock } from '../../engine/clock.ts'
import type { WebSocketConnection } from '../../engine/connection/websocket-connection.ts'
import type { Inside } from '../../engine/inside.ts'
import type { Stats } from '../../engine/stats.ts'
import { Connections, type ConnectionQuery, type Numbering } from '../../inspector/connections.ts'
import { faultList, runFaultCommand, type FaultCommand } from '../../inspector/faults.ts'
import { Stream, type Pulse, type Seen, type Watch } from './stream.ts'

/** What the supervisor asks a worker, by its name. */
export type Question =
  | { readonly what: 'watch'; readonly given: Watch & { readonly numbering: Numbering } }
  | { readonly what: 'unwatch'; readonly given?: undefined }
  | { readonly what: 'list'; readonly given?: undefined }
  | {
      readonly what: 'connections'
      readonly given: { readonly patterns: readonly string[]; readonly query: ConnectionQuery }
    }
  | {
      readonly what: 'send'
      readonly given: {
        readonly command: Command
        readonly reaches: Reaches
        readonly byInspector: boolean
      }
    }
  | {
      readonly what: 'disconnect'
      readonly given: { readonly command: Command; readonly byInspector: boolean }
    }
  | { readonly what: 'faults'; readonly given: FaultRequest }
  | { readonly what: 'page/faults'; readonly given: FaultCommand }
  | { readonly what: 'page/list'; readonly given?: undefined }

/** What a worker shows of itself to its supervisor, and does in its name. */
export class Outlook {
  readonly #inside: Inside
  readonly #stats: () => Stats
  readonly #clock: Clock
  readonly #tell: (message: Seen | Pulse) => void
  #connections: Connections | undefined
  #stream: Stream | undefined

  constructor(inside: Inside, stats: () => Stats, clock: Clock, tell: (message: Seen | Pulse) => void) {
    this.#inside = inside
    this.#stats = stats
    this.#clock = clock
    this.#tell = tell
  }

  taken(size: number): void {
    this.#stream?.taken(size)
  }

  /** @throws `Refused`, and as the engine does */
  answer(question: Question): unknown {
    const answer = this.#answer(question)
    this.#stream?.flush()
    return answer
  }

  /** It ends: what is not told yet is told now. */
  close(): void {
    this.#stream?.flush()
    this.#stream?.close()
    this.#stream = undefined
  }

  #answer(question: Question): unknown {
    const inside = this.#inside
    switch (question.what) {
      case 'watch':
        return this.#watch(question.given)
      case 'unwatch':
        return this.close()
      case 'list':
        return inside.openConnections().map(listed)
      case 'connections': {
        const { patterns, query } = question.given
        const known = new Set(inside.openConnections().map(({ pattern }) => pattern))
        return this.#connections?.page(
          patterns.filter((pattern) => known.has(pattern)),
          query,
        )
      }
      case 'send': {
        const { command, reaches, byInspector } = question.given
        return this.#act(byInspector, () => send(inside, command, reaches))
      }
      case 'disconnect': {
        const { command, byInspector } = question.given
        return this.#act(byInspector, (willEnd) => disconnect(inside, command, willEnd))
      }
      case 'faults':
        return switchFaults(inside, question.given)
      case 'page/faults':
        return this.#connections && runFaultCommand(inside, this.#connections, question.given)
      case 'page/list':
        return this.#connections && faultList(inside, this.#connections)
      default:
        throw new Error(`a worker is asked for ${String((question as { what: unknown }).what)}`)
    }
  }

  #watch({ numbering, ...watch }: Extract<Question, { what: 'watch' }>['given']): void {
    // Numbers that have been seen stay.
    this.#connections ??= new Connections(this.#inside, numbering)
    this.#stream?.close()
    this.#stream = new Stream(this.#inside, this.#stats, this.#clock, this.#connections, watch, this.#tell)
  }

  #act<T>(byInspector: boolean, run: (willEnd: (conn: WebSocketConnection) => void) => T): T {
    return byInspector && this.#stream ? this.#stream.lookout.act(run) : run(() => {})
  }
}
