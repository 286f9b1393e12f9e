import { clearTimeout, setTimeout } from '../../engine/timers.ts'
import { BrokerError } from '../broker-error.ts'
import type { Dial, Dialling, Link, LinkEvents } from '../redialing-broker.ts'
import type { RedisAddress } from './address.ts'
import { command } from './command.ts'
import { Pipeline } from './pipeline.ts'
import { RedisSocket } from './redis-socket.ts'

const DIAL_MS = 3000
/** Of one frame, and of what waits: a subscriber that lets 32 MB wait is cut by Redis (client-output-buffer-limit). */
const MOST_WAITING = 16 * 1024 * 1024

/** Redis and Valkey, by two connections that live and die together. */
export function dialRedis(address: RedisAddress): Dial {
  return async (events, dialling) => {
    const link = new RedisLink(address, events, dialling)
    await link.isUp
    return link
  }
}

class RedisLink implements Link {
  readonly maxFrame: number = MOST_WAITING
  readonly isUp: Promise<void>
  readonly #subscriber: RedisSocket
  readonly #publisher: RedisSocket
  readonly #pipeline: Pipeline

  constructor(address: RedisAddress, events: LinkEvents, { signal, provesPublish }: Dialling) {
    const { channel } = address
    let failed: (error: BrokerError) => void = () => {}
    let ready: () => void = () => {}
    let missing = 2
    this.isUp = new Promise((resolve, reject) => {
      ready = () => {
        if (--missing > 0) return
        stopWaiting()
        failed = (error) => events.lost(error)
        resolve()
      }
      failed = reject
    })
    const ended = (error: BrokerError): void => {
      stopWaiting()
      this.#subscriber.destroy()
      this.#publisher.destroy()
      failed(error)
    }
    const abort = (): void => ended(new BrokerError('closed'))
    const timer = setTimeout(() => ended(new BrokerError(`${address.name} does not answer`)), DIAL_MS)
    const stopWaiting = (): void => {
      clearTimeout(timer)
      signal.removeEventListener('abort', abort)
    }
    signal.addEventListener('abort', abort, { once: true })
    this.#subscriber = new RedisSocket(address, command('SUBSCRIBE', channel), {
      ready,
      ended,
      message: (payload) => events.frame(payload),
    })
    // An empty frame says nothing, and nobody gets it while we may not publish.
    const greeting = provesPublish ? command('PUBLISH', channel, '') : command('PING')
    this.#publisher = new RedisSocket(address, greeting, { ready, ended })
    this.#pipeline = new Pipeline(channel, (parts) => this.#publisher.write(parts))
  }

  publish(frame: Uint8Array): boolean {
    if (frame.length > MOST_WAITING || this.#pipeline.waiting + this.#publisher.waiting > MOST_WAITING)
      return false
    this.#pipeline.add(frame)
    return true
  }

  async close(): Promise<void> {
    this.#subscriber.destroy()
    this.#pipeline.flush()
    await this.#publisher.close()
  }
}
