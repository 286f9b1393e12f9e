import type { connect, NatsConnection } from '@nats-io/transport-node'
import { clearTimeout, setImmediate, setTimeout } from '../../engine/timers.ts'
import { BrokerError, networkError, quoted } from '../broker-error.ts'
import { Pulse } from '../pulse.ts'
import type { Dial, Link, LinkEvents } from '../redialing-broker.ts'
import type { Host } from '../url-parts.ts'
import type { NatsAddress } from './address.ts'
import { peek } from './peek.ts'

const DIAL_MS = 3000
const CLOSE_MS = 1000
/** What the server has not confirmed. The longest frame is what it says (max_payload), and no more than this. */
const MOST_WAITING = 16 * 1024 * 1024
/** `PUB subject length`, and ends of lines. */
const OVERHEAD = 64
const NOTHING = new Uint8Array(0)

/**
 * NATS by its own package, which is dialled anew after each end. By itself it gives up after ten tries, throws away what it took while
 * it was away (nats-io/nats.js#213), cannot be told to stop a first dial, and does not notice a server that is stuck while more is
 * written than the system takes: its `disconnect` waits for a write that never ends.
 */
export function dialNats(address: NatsAddress, dial: typeof connect): Dial {
  /** Of the same cluster, as the servers have told: those of the URL may all be gone. */
  let others: readonly Host[] = []
  return async (events, { signal, provesPublish }) => {
    const server = await firstToAnswer([...address.servers, ...others], signal)
    const { user, password, token, tls } = address
    const connection = await dial({
      servers: [server.text],
      name: 'sidewire',
      reconnect: false,
      timeout: DIAL_MS,
      ignoreClusterUpdates: true,
      noAsyncTraces: true,
      ...(user !== undefined && { user }),
      ...(password !== undefined && { pass: password }),
      ...(token !== undefined && { token }),
      ...(tls && { tls: { ...tls } }),
    }).catch((error: unknown) => {
      throw meaning(error, address)
    })
    others = (connection.info?.connect_urls ?? []).flatMap(hostOf)
    const link = new NatsLink(address, connection, events)
    try {
      await link.start(provesPublish)
    } catch (error) {
      await connection.close()
      throw error
    }
    return link
  }
}

class NatsLink implements Link {
  readonly maxFrame: number
  readonly #address: NatsAddress
  readonly #connection: NatsConnection
  readonly #events: LinkEvents
  #pulse: Pulse | undefined
  /** Of this turn. */
  #frames: Uint8Array[] = []
  #taken = 0
  #confirmed = 0
  #isAsking = false
  #isOver = false
  /** Until it is up, a failure is what `start` rejects with. */
  #failure: BrokerError | undefined
  #failed: (error: BrokerError) => void

  constructor(address: NatsAddress, connection: NatsConnection, events: LinkEvents) {
    this.#address = address
    this.#connection = connection
    this.#events = events
    this.maxFrame = Math.min(connection.info?.max_payload ?? MOST_WAITING, MOST_WAITING)
    this.#failed = (error) => {
      this.#failure ??= error
    }
    void connection.closed().then((error) => this.#end(meaning(error ?? undefined, address)))
    void this.#watch()
  }

  async start(provesPublish: boolean): Promise<void> {
    const { subject } = this.#address
    this.#connection.subscribe(subject, {
      callback: (error, message) => {
        this.#pulse?.heard()
        if (!error && !this.#isOver) this.#events.frame(message.data)
      },
    })
    // An empty frame says nothing, and nobody gets it while we may not publish.
    if (provesPublish) this.#connection.publish(subject, NOTHING)
    await withinTime(this.#connection.flush(), DIAL_MS).catch(() => this.#failed(this.#silent()))
    // What was not allowed is said before the answer; the package tells it by an iterator, some microtasks later.
    await new Promise<void>((resolve) => setImmediate(resolve))
    if (this.#failure) throw this.#failure
    this.#failed = (error) => this.#events.lost(error)
    this.#pulse = new Pulse(
      () => this.#ask(),
      () => this.#end(this.#silent()),
    )
  }

  publish(frame: Uint8Array): boolean {
    if (this.#isOver || frame.length > this.maxFrame || this.#taken - this.#confirmed > MOST_WAITING)
      return false
    this.#taken += frame.length + OVERHEAD
    if (this.#frames.push(frame) === 1) setImmediate(() => this.#flush())
    return true
  }

  async close(): Promise<void> {
    this.#flush()
    this.#isOver = true
    this.#pulse?.stop()
    await withinTime(this.#connection.flush(), CLOSE_MS).catch(() => {})
    await this.#connection.close()
  }

  #flush(): void {
    const frames = this.#frames
    this.#frames = []
    if (this.#isOver || frames.length === 0) return
    try {
      for (const frame of frames) this.#connection.publish(this.#address.subject, frame)
    } catch (error) {
      return this.#end(meaning(error, this.#address))
    }
    return this.#ask()
  }

  /** A PING, whose answer says that all before it has arrived: the package does not tell how much waits in its socket. */
  #ask(): void {
    if (this.#isAsking || this.#isOver) return
    this.#isAsking = true
    const taken = this.#taken
    this.#connection.flush().then(
      () => {
        this.#isAsking = false
        this.#confirmed = taken
        this.#pulse?.heard()
        if (this.#taken > taken && this.#frames.length === 0) this.#ask()
      },
      // `closed` says why.
      () => {},
    )
  }

  async #watch(): Promise<void> {
    for await (const status of this.#connection.status()) {
      if (status.type === 'error') this.#end(meaning(status.error, this.#address))
    }
  }

  #silent(): BrokerError {
    return new BrokerError(`${this.#address.name} has not answered for 3 s`)
  }

  #end(error: BrokerError): void {
    if (this.#isOver) return
    this.#isOver = true
    this.#pulse?.stop()
    void this.#connection.close()
    this.#failed(error)
  }
}

/** In any order, so that the nodes spread over the servers of a cluster. */
async function firstToAnswer(servers: readonly Host[], signal: AbortSignal): Promise<Host> {
  let failure: unknown
  const left = [...servers]
  while (left.length > 0) {
    const [server] = left.splice(Math.floor(Math.random() * left.length), 1) as [Host]
    try {
      await peek(server, DIAL_MS, signal)
      return server
    } catch (error) {
      failure ??= error
      if (signal.aborted) break
    }
  }
  throw failure
}

function hostOf(text: string): Host[] {
  const [, host, port] = /^\[?(.+?)\]?:(\d+)$/.exec(text) ?? []
  return host === undefined ? [] : [{ host, port: Number(port), text }]
}

/** An error of the package in our words: without its cause, which may hold the options. */
function meaning(error: unknown, { name, subject, user, password, token }: NatsAddress): BrokerError {
  if (error instanceof BrokerError) return error
  if (!(error instanceof Error)) return new BrokerError(`${name} has ended the connection`)
  if (error.name === 'PermissionViolationError')
    return new BrokerError(
      `${name} does not let this user publish and subscribe: its permissions have to allow both for "${subject}"`,
      { isRefusal: true },
    )
  if (error.name === 'AuthorizationError' || error.name === 'UserAuthenticationExpiredError')
    return new BrokerError(
      `${name} does not take the user, password or token (${error.name}): look at the URL of "broker"`,
      { isRefusal: true },
    )
  const { code = '' } = error as NodeJS.ErrnoException
  if (error.name === 'ProtocolError')
    return new BrokerError(`${name} answers an error: ${quoted(error.message, [password, token, user])}`)
  return networkError(
    Object.assign(new Error(quoted(error.message, [password, token, user])), { code }),
    name,
  )
}

async function withinTime(promise: Promise<void>, ms: number): Promise<void> {
  let timer: NodeJS.Timeout | undefined
  try {
    await Promise.race([
      promise,
      new Promise<never>((_, reject) => {
        timer = setTimeout(() => reject(new Error('too late')), ms)
      }),
    ])
  } finally {
    clearTimeout(timer)
  }
}
