import { connect as connectTcp, type Socket } from 'node:net'
import { connect as connectTls, type TLSSocket } from 'node:tls'
import { BrokerError, networkError } from '../broker-error.ts'
import { endSocket } from '../end-socket.ts'
import { Pulse } from '../pulse.ts'
import type { RedisAddress } from './address.ts'
import { command } from './command.ts'
import { refusal } from './refusal.ts'
import { RespReader, type RespEvents, type RespItem } from './resp-reader.ts'

export interface RedisSocketEvents {
  /** The greeting was answered. */
  ready(): void
  message?(payload: Uint8Array): void
  /** Once, unless it was ended from here. */
  ended(error: BrokerError): void
}

/** What others have published on our channel, and no broker of ours writes as much: a subscriber with 32 MB waiting is cut by Redis. */
const MAX_BULK = 32 * 1024 * 1024
const PING = command('PING')
const MESSAGE = Buffer.from('message')

/** A connection that is either the subscriber or the publisher: who has subscribed may do nothing else in RESP2. */
export class RedisSocket implements RespEvents {
  readonly #address: RedisAddress
  readonly #events: RedisSocketEvents
  readonly #socket: Socket
  readonly #reader = new RespReader(this, MAX_BULK)
  #pulse: Pulse | undefined
  #isReady = false
  #isOver = false

  /** @param greeting - the first command; it is ready when that one is answered, and whoever asks for more waits until then */
  constructor(address: RedisAddress, greeting: Buffer, events: RedisSocketEvents) {
    this.#address = address
    this.#events = events
    const { user, password, tls, place } = address
    const words = user === undefined ? [password ?? ''] : [user, password ?? '']
    const auth = password === undefined ? [] : [command('AUTH', ...words)]
    const socket = tls ? connectTls({ ...place, ...tls }) : connectTcp(place)
    this.#socket = socket.setNoDelay(true)
    socket.once(tls ? 'secureConnect' : 'connect', () => {
      // Nothing is written before: a password is not for a server that cannot show who it is.
      if (tls && !(socket as TLSSocket).authorized)
        return this.#end(networkError((socket as TLSSocket).authorizationError, address.name))
      socket.write(Buffer.concat([...auth, greeting]))
      return undefined
    })
    socket.on('data', (chunk: Buffer) => {
      this.#pulse?.heard()
      this.#reader.push(chunk)
    })
    socket.once('close', () => this.#end(new BrokerError(`${address.name} has ended the connection`)))
    socket.on('error', (error: Error) => this.#end(networkError(error, address.name)))
  }

  /** Bytes that the system has not taken yet. */
  get waiting(): number {
    return this.#socket.writableLength
  }

  write(parts: readonly Uint8Array[]): void {
    if (this.#isOver) return
    if (parts.length > 1) this.#socket.cork()
    for (const part of parts) this.#socket.write(part)
    if (parts.length > 1) this.#socket.uncork()
  }

  destroy(): void {
    this.#isOver = true
    this.#reader.stop()
    this.#pulse?.stop()
    this.#socket.destroy()
  }

  /** Behind what was written. It reads on meanwhile: a reset for unread answers would take from the server what it has not read. */
  async close(): Promise<void> {
    this.#isOver = true
    this.#pulse?.stop()
    await endSocket(this.#socket)
  }

  // From the reader

  status(text: string): void {
    if (text === 'PONG') this.#answered()
  }

  integer(): void {
    this.#answered()
  }

  error(text: string): void {
    this.#end(refusal(text, this.#address))
  }

  array(items: readonly RespItem[]): void {
    const [kind, , payload] = items
    if (kind instanceof Uint8Array && kind.length === MESSAGE.length && MESSAGE.equals(kind)) {
      if (payload instanceof Uint8Array && !this.#isOver) this.#events.message?.(payload)
    } else this.#answered()
  }

  garbage(why: string): void {
    this.#end(new BrokerError(`${this.#address.name} does not speak Redis' protocol: ${why}`))
  }

  #answered(): void {
    if (this.#isReady || this.#isOver) return
    this.#isReady = true
    const { name } = this.#address
    this.#pulse = new Pulse(
      () => this.write([PING]),
      () => this.#end(new BrokerError(`${name} has not answered for 3 s`)),
    )
    this.#events.ready()
  }

  #end(error: BrokerError): void {
    if (this.#isOver) return
    this.destroy()
    this.#events.ended(error)
  }
}
