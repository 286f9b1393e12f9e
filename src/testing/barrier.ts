import { clearTimeout, setImmediate, setTimeout } from '../engine/timers.ts'

const PREFIX = 'sidewire:settled:'
/** A client that has never answered is not waited for longer: there may be none behind that socket that does. */
const FIRST_ANSWER_MS = 50
/** Answers to answers, before a client and a server that never stop are left alone. */
const MAX_ROUNDS = 100

/** One side of a connection, as far as a barrier needs it. */
interface Reachable {
  readonly closed: boolean
  readonly isPaused: boolean
  /** Where it has faults: whether anything gets there, and back. */
  readonly link?: { readonly isSilent: boolean; readonly isDeaf: boolean } | undefined
  ping(payload: string): void
}

/**
 * Waits until what was sent has arrived, in both directions: a ping goes behind it, and its pong comes behind what the
 * client has sent before (RFC 6455 5.5.2 has it answered as soon as is practical, and frames keep their order).
 */
export class Barrier {
  readonly #timeout: number
  readonly #answering = new WeakSet<Reachable>()
  readonly #silent = new WeakSet<Reachable>()
  readonly #pending = new Map<string, () => void>()
  #n = 0

  constructor(timeout: number) {
    this.#timeout = timeout
  }

  /** Whether a pong answers a ping of a barrier: no hook hears of it. */
  static isAnswer(payload: Uint8Array): boolean {
    return payload.length > PREFIX.length && textOf(payload).startsWith(PREFIX)
  }

  /** @param count - of what has happened: as long as it grows, something was answered */
  async settled(connections: () => Reachable[], count: () => number): Promise<void> {
    for (let round = 0; round < MAX_ROUNDS; round++) {
      const before = count()
      await new Promise(setImmediate)
      await Promise.all(connections().map((conn) => this.#reach(conn)))
      await new Promise(setImmediate)
      if (count() === before) return
    }
  }

  answered(conn: Reachable, payload: string | Uint8Array): void {
    this.#answering.add(conn)
    this.#silent.delete(conn)
    this.#pending.get(typeof payload === 'string' ? payload : textOf(payload))?.()
  }

  #reach(conn: Reachable): Promise<void> {
    const { closed, isPaused, link } = conn
    if (this.#silent.has(conn) || closed || isPaused || link?.isSilent || link?.isDeaf)
      return Promise.resolve()
    const text = `${PREFIX}${++this.#n}`
    return new Promise((resolve) => {
      const done = (): void => {
        clearTimeout(timer)
        this.#pending.delete(text)
        resolve()
      }
      const timer = setTimeout(
        () => {
          this.#silent.add(conn)
          done()
        },
        this.#answering.has(conn) ? this.#timeout : FIRST_ANSWER_MS,
      )
      this.#pending.set(text, done)
      conn.ping(text)
    })
  }
}

function textOf(payload: Uint8Array): string {
  return Buffer.from(payload.buffer, payload.byteOffset, payload.byteLength).toString('latin1')
}
