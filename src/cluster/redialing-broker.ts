import type { Broker, BrokerEvents } from '../engine/broker.ts'
import { toError } from '../engine/errors.ts'
import { clearTimeout, now, setTimeout } from '../engine/timers.ts'
import { Backoff } from './backoff.ts'
import { BrokerError } from './broker-error.ts'

const OPEN_MS = 2000

/** One connection with a broker, from when it is up to its end. It is never used again after that. */
export interface Link {
  readonly maxFrame?: number | undefined
  publish(frame: Uint8Array): boolean
  /** Writes what waits, if that is possible within a second, and then ends it. */
  close(): Promise<void>
}

export interface LinkEvents {
  frame(frame: Uint8Array): void
  /** Once, unless `close` was called; all that it had open is closed then. */
  lost(error: Error): void
}

export interface Dialling {
  /** Aborted when nobody wants the connection any more. */
  readonly signal: AbortSignal
  /** The last connection was ended because it might not publish: only up if it may. */
  readonly provesPublish: boolean
}

/** Resolves when frames come in and go out, within some seconds; whatever it had open is closed when it rejects. */
export type Dial = (events: LinkEvents, dialling: Dialling) => Promise<Link>

/** A broker that is dialled again whenever it is away, until it is closed. */
export class RedialingBroker implements Broker {
  readonly name: string
  readonly #dial: Dial
  #session: Session | undefined

  /** @param name - without user and password */
  constructor(name: string, dial: Dial) {
    this.name = name
    this.#dial = dial
  }

  get maxFrame(): number | undefined {
    return this.#session?.link?.maxFrame
  }

  async open(events: BrokerEvents): Promise<void> {
    await this.close()
    const session = new Session(this.#dial, events)
    this.#session = session
    await session.start()
  }

  publish(frame: Uint8Array): boolean {
    return this.#session?.link?.publish(frame) ?? false
  }

  async close(): Promise<void> {
    await this.#session?.close()
  }
}

/** From `open` to `close`: nothing of it is heard afterwards. */
class Session {
  link: Link | undefined
  readonly #dial: Dial
  readonly #events: BrokerEvents
  readonly #backoff = new Backoff()
  readonly #abort = new AbortController()
  #timer: NodeJS.Timeout | undefined
  #dialling: Promise<void> = Promise.resolve()
  #closing: Promise<void> | undefined
  #upAt = 0
  #isFirst = true
  #provesPublish = false
  #firstUp: () => void = () => {}

  constructor(dial: Dial, events: BrokerEvents) {
    this.#dial = dial
    this.#events = events
  }

  async start(): Promise<void> {
    await new Promise<void>((resolve) => {
      const timer = setTimeout(resolve, OPEN_MS)
      this.#firstUp = () => {
        clearTimeout(timer)
        resolve()
      }
      this.#dialling = this.#dialOnce()
    })
  }

  close(): Promise<void> {
    return (this.#closing ??= this.#close())
  }

  async #close(): Promise<void> {
    this.#abort.abort()
    clearTimeout(this.#timer)
    this.#firstUp()
    const { link } = this
    this.link = undefined
    await Promise.all([link?.close(), this.#dialling])
  }

  get #isClosed(): boolean {
    return this.#abort.signal.aborted
  }

  async #dialOnce(): Promise<void> {
    let isLost = false
    const events: LinkEvents = {
      frame: (frame) => this.#isClosed || this.#events.frame(frame),
      lost: (error) => {
        isLost = true
        this.#lost(error)
      },
    }
    const dialling = { signal: this.#abort.signal, provesPublish: this.#provesPublish }
    try {
      const link = await this.#dial(events, dialling)
      if (this.#isClosed) return await link.close()
      // It may have gone between its promise and here.
      if (!isLost) this.#up(link)
    } catch (thrown) {
      this.#lost(toError(thrown))
    }
    return undefined
  }

  #up(link: Link): void {
    this.link = link
    this.#upAt = now()
    this.#isFirst = false
    this.#provesPublish = false
    this.#events.up()
    this.#firstUp()
  }

  #lost(error: Error): void {
    if (this.#isClosed) return
    const isRefused = error instanceof BrokerError && error.isRefusal
    const wasUp = this.link !== undefined
    this.link = undefined
    if (wasUp) this.#backoff.wasUp(now() - this.#upAt)
    if (wasUp && isRefused) this.#provesPublish = true
    this.#timer = setTimeout(() => {
      this.#dialling = this.#dialOnce()
    }, this.#backoff.next(isRefused))
    if (wasUp || this.#isFirst) {
      this.#isFirst = false
      this.#events.down(error)
    }
  }
}
