import type { Timer } from '../clock.ts'
import type { Connection, Queue, Relay } from './connection.ts'
import { Fifo } from '../fifo.ts'
import type { UniversalApiWsHandler } from '../handler/handler.ts'
import type { Taken } from '../play.ts'
import { BYTES_PER_MESSAGE, toBuffer } from './message.ts'
import type { ResolvedRule } from '../handler/options.ts'
import { REFUSED } from '../schema/checks.ts'
import { isPromiseLike } from '../promise.ts'
import type { Payload } from '../runtime.ts'
import { now, queueMicrotask } from '../timers.ts'

// The order of messages. Most handlers are direct: a message is decoded and handed over as it arrives, with
// nothing made for it. Whatever may make a message wait (an `onConnect` that has not settled, `delay`,
// `transformRawData`, `responses`, `sequential`) goes through the connection's inbox instead, which starts
// handlers strictly in the order of arrival. Where a backend answers, the last to be asked is the relay: what `onMessage`
// has made of a message goes there, and later ones wait for a promise of it.

/** The number of a message that the tap was not told of. */
export const UNTOLD = 0

/**
 * @param bytes - the size of the payload on the wire
 * @param n - the message's number in the tap, or {@link UNTOLD}
 */
export function dispatch(conn: Connection, payload: Payload, bytes: number, n: number): void {
  if (conn.inbox === undefined) {
    if (conn.live.direct && conn.relay !== undefined && !looksInside(conn))
      return passOn(conn, conn.relay, payload, n)
    if (conn.live.direct && conn.relay === undefined) {
      const data = read(conn, payload)
      if (data === UNREADABLE || data === REFUSED) return
      if (conn.live.handler.schema.incoming !== undefined && isPromiseLike(data)) {
        conn.inbox = new Inbox(conn)
        return conn.inbox.push(payload, bytes, n, data)
      }
      const result = startMessageHook(conn, data, n)
      if (result !== undefined) void conn.live.hooks.watch(conn, 'onMessage', result)
      return
    }
    conn.inbox = new Inbox(conn)
  }
  conn.inbox.push(payload, bytes, n)
}

/** Whether anybody looks into a message of a connection that has a backend. */
function looksInside({ live: { handler } }: Connection): boolean {
  const { source, rules, schema } = handler
  if (source.onMessage !== undefined || source.scenario !== undefined) return true
  return rules.length > 0 || schema.incoming !== undefined
}

/** To the backend, as it came. */
function passOn(conn: Connection, relay: Relay, payload: Payload, n: number): void {
  if (n === UNTOLD) return relay.pass(payload, undefined)
  telling(conn, n, 'upstream', () => {
    relay.pass(payload, undefined)
    return undefined
  })
  return undefined
}

/** What the codec could not read. */
const UNREADABLE = Symbol('unreadable')

/** What the handler gets of a message, `UNREADABLE` or `REFUSED`; a promise of it where a schema is async. */
function read(conn: Connection, payload: Payload): unknown {
  const { live } = conn
  let data: unknown
  try {
    data = live.handler.decode(payload)
  } catch (thrown) {
    // A schema says what becomes of what it is not.
    if (live.handler.schema.incoming !== undefined) return live.checks.unreadable(conn, thrown, payload)
    live.hooks.fail(conn, 'codec.decode', thrown)
    return UNREADABLE
  }
  return live.handler.schema.incoming === undefined ? data : live.checks.incoming(conn, data, payload)
}

interface Item {
  readonly payload: Payload
  /** What it counts in `maxQueue`. */
  readonly bytes: number
  readonly dueAt: number
  /** Its number in the tap. */
  readonly n: number
  prepared: Prepared
}

/** What `transformRawData` made of a message, or is making; or an async schema, of one that had to wait for nothing else. */
interface Prepared {
  readonly transform: Transform | undefined
  value: unknown
  failure: { readonly thrown: unknown } | undefined
  /** The value is what the handler gets. */
  readonly isRead?: boolean
}

type Transform = NonNullable<UniversalApiWsHandler['transformRawData']>

const RAW: Prepared = { transform: undefined, value: undefined, failure: undefined }

export class Inbox implements Queue {
  readonly #conn: Connection
  readonly #items = new Fifo<Item>()
  /** Of the items that wait. */
  #bytes = 0
  #held: boolean
  #running = false
  #timer: Timer | undefined
  #onEnd: (() => void) | undefined

  /** @param held - keep everything until {@link release} */
  constructor(conn: Connection, held = false) {
    this.#conn = conn
    this.#held = held
  }

  push(payload: Payload, size: number, n: number, pending?: PromiseLike<unknown>): void {
    const { handler, context } = this.#conn.live
    const bytes = size + BYTES_PER_MESSAGE
    // One may always wait, whatever its size.
    if (this.#bytes > 0 && this.#bytes + bytes > handler.maxQueue) return this.#conn.overfill()
    this.#bytes += bytes
    const dueAt = handler.delay === 0 ? 0 : context.clock.now() + handler.delay
    const item: Item = { payload, bytes, dueAt, n, prepared: RAW }
    this.#items.push(item)
    if (this.#held) return
    if (pending === undefined) this.#prepare(item)
    else item.prepared = { transform: undefined, value: pending, failure: undefined, isRead: true }
    if (!this.#running) void this.#run()
  }

  release(): void {
    this.#held = false
    for (const item of this.#items) this.#prepare(item)
    void this.#run()
  }

  whenDone(run: () => void): void {
    this.#onEnd = run
  }

  end(): void {
    this.#timer?.cancel()
    this.#empty()
    this.#done()
  }

  #done(): void {
    const onEnd = this.#onEnd
    this.#onEnd = undefined
    // Not from inside of the handler that closed it.
    if (onEnd) queueMicrotask(onEnd)
  }

  #empty(): void {
    this.#items.clear()
    this.#bytes = 0
  }

  /** Transforms run side by side from arrival on; only the handlers keep the order. */
  #prepare(item: Item): void {
    const { source } = this.#conn.live.handler
    const transform = source.transformRawData
    if (transform === undefined) {
      item.prepared = RAW
      return
    }
    const prepared: Prepared = { transform, value: undefined, failure: undefined }
    item.prepared = prepared
    try {
      prepared.value = transform.call(source, toBuffer(item.payload))
      if (!isPromiseLike(prepared.value)) return
      // Its failure is reported when its turn comes, so it must not count as unhandled until then.
      prepared.value = Promise.resolve(prepared.value).catch((thrown: unknown) => {
        prepared.failure = { thrown }
      })
    } catch (thrown) {
      prepared.failure = { thrown }
    }
  }

  async #run(): Promise<void> {
    const conn = this.#conn
    this.#running = true
    for (;;) {
      const item = this.#items.first
      if (item === undefined || conn.dropsMessages) break
      const wait = item.dueAt === 0 ? 0 : item.dueAt - conn.live.context.clock.now()
      if (wait > 0) {
        await this.#sleep(wait)
        continue
      }
      // After a reload, what waits is read as the handler that will take it wants it.
      if (item.prepared.transform !== conn.live.handler.source.transformRawData) this.#prepare(item)
      const { transform, value } = item.prepared
      const data = isPromiseLike(value) ? await value : value
      if (conn.dropsMessages) break
      if (transform !== conn.live.handler.source.transformRawData) continue
      this.#items.shift()
      this.#bytes -= item.bytes
      const { relay } = conn
      if (relay && !looksInside(conn)) {
        passOn(conn, relay, item.payload, item.n)
        continue
      }
      if (item.prepared.failure) conn.live.hooks.fail(conn, 'transformRawData', item.prepared.failure.thrown)
      const isRead = transform !== undefined || item.prepared.isRead === true
      const made = item.prepared.failure ? UNREADABLE : isRead ? data : read(conn, item.payload)
      const message =
        conn.live.handler.schema.incoming !== undefined && isPromiseLike(made) ? await made : made
      if (conn.dropsMessages) break
      if (message === REFUSED) continue
      if (message === UNREADABLE) {
        if (relay) passOn(conn, relay, item.payload, item.n)
        continue
      }
      const result = startRules(conn, message, item)
      const settled = isPromiseLike(result) ? await result : result
      if (settled === undefined) continue
      const done = conn.live.hooks.watch(conn, settled.hook, settled.result)
      if (conn.live.handler.sequential || settled.holds) await done
    }
    this.#empty()
    this.#running = false
    if (conn.inbox === this) conn.inbox = undefined
    this.#done()
  }

  #sleep(ms: number): Promise<void> {
    return new Promise((resolve) => {
      this.#timer = this.#conn.live.context.clock.after(ms, resolve)
    })
  }
}

interface Started {
  readonly hook: string
  readonly result: PromiseLike<unknown>
  /** What it stands for goes to a backend, in its turn. */
  readonly holds?: boolean
}

/** A message that is handled now. */
type Current = Pick<Item, 'payload' | 'n'>

/** The first rule that matches answers, else `onMessage`. Async only where a `match` is. */
function startRules(
  conn: Connection,
  data: unknown,
  current: Current,
): Started | undefined | Promise<Started | undefined> {
  const { play, handler } = conn.live
  const awaited = play?.awaits(conn, data)
  if (awaited) return played(conn, current.n, awaited)
  const { rules } = handler
  for (const [index, rule] of rules.entries()) {
    try {
      const matched: unknown = rule.match(conn, data)
      if (isPromiseLike(matched)) return continueRules(conn, data, current, index, matched)
      if (matched) return respond(conn, data, current.n, rule, index)
    } catch (thrown) {
      conn.live.hooks.fail(conn, `responses[${index}].match`, thrown)
    }
  }
  return startLast(conn, data, current)
}

async function continueRules(
  conn: Connection,
  data: unknown,
  current: Current,
  start: number,
  pending: PromiseLike<unknown>,
): Promise<Started | undefined> {
  const { rules } = conn.live.handler
  for (let index = start; index < rules.length; index++) {
    const rule = rules[index] as ResolvedRule // index < length
    try {
      const matched: unknown = await (index === start ? pending : rule.match(conn, data))
      if (conn.dropsMessages) return undefined
      if (matched) return respond(conn, data, current.n, rule, index)
    } catch (thrown) {
      conn.live.hooks.fail(conn, `responses[${index}].match`, thrown)
    }
  }
  if (conn.dropsMessages) return undefined
  return startLast(conn, data, current)
}

/** No rule has taken it. */
function startLast(conn: Connection, data: unknown, { payload, n }: Current): Started | undefined {
  const { relay } = conn
  const { play } = conn.live
  const answered = play?.answers(conn, data)
  if (answered) return played(conn, n, answered)
  const nearest = n === UNTOLD ? undefined : play?.nearest(conn, data)
  const other = conn.live.handler.source.onMessage === undefined ? play?.otherwise(conn, data) : undefined
  if (other) return played(conn, n, other, nearest)
  if (relay === undefined) {
    const result = startMessageHook(conn, data, n, nearest)
    return result && { hook: 'onMessage', result }
  }
  if (conn.live.handler.source.onMessage === undefined) {
    passOn(conn, relay, payload, n)
    return undefined
  }
  const call = (): PromiseLike<unknown> | undefined => callRelayHook(conn, relay, payload, data)
  const result = n === UNTOLD ? call() : telling(conn, n, 'onMessage', call, nearest)
  return result && { hook: 'onMessage', result, holds: true }
}

/** A scenario has taken it. */
function played(conn: Connection, n: number, { by, done }: Taken, nearest?: string): Started | undefined {
  if (n !== UNTOLD) telling(conn, n, by, () => done, nearest)
  return done && { hook: by, result: done }
}

/** What the hook makes of a message goes to the backend. */
function callRelayHook(
  conn: Connection,
  relay: Relay,
  payload: Payload,
  data: unknown,
): PromiseLike<unknown> | undefined {
  const failed = (thrown: unknown): undefined => conn.live.hooks.fail(conn, 'onMessage', thrown) as undefined
  let made: unknown
  try {
    made = conn.live.handler.source.onMessage?.(conn, data)
  } catch (thrown) {
    failed(thrown)
  }
  if (isPromiseLike(made))
    return Promise.resolve(made)
      .catch(failed)
      .then((value) => relay.pass(payload, value))
  relay.pass(payload, made)
  return undefined
}

function respond(
  conn: Connection,
  data: unknown,
  n: number,
  rule: ResolvedRule,
  index: number,
): Started | undefined {
  const hook = `responses[${index}].response`
  const result =
    n === UNTOLD
      ? callRule(conn, data, rule, hook)
      : telling(conn, n, `responses[${index}]`, () => callRule(conn, data, rule, hook))
  return result && { hook, result }
}

function callRule(
  conn: Connection,
  data: unknown,
  rule: ResolvedRule,
  hook: string,
): PromiseLike<unknown> | undefined {
  try {
    if (rule.payload !== undefined) deliver(conn, rule, rule.payload)
    else if (rule.respond) {
      const made = rule.respond(conn, data)
      if (isPromiseLike(made)) return Promise.resolve(made).then((value) => deliverValue(conn, rule, value))
      deliverValue(conn, rule, made)
    }
  } catch (thrown) {
    conn.live.hooks.fail(conn, hook, thrown)
  }
  return undefined
}

function deliverValue(conn: Connection, rule: ResolvedRule, value: unknown): void {
  if (value !== undefined && !conn.dropsMessages) deliver(conn, rule, conn.live.encode(value))
}

function deliver(conn: Connection, { broadcast }: ResolvedRule, payload: Payload): void {
  if (broadcast === false) conn.transmit(payload, conn.live.compresses(payload), true)
  else if (broadcast === true) conn.broadcastPayload(payload, conn.getRooms(), false)
  else conn.broadcastTo(payload, broadcast)
}

/** Returns the promise of an async hook. */
function startMessageHook(
  conn: Connection,
  data: unknown,
  n: number,
  nearest?: string,
): PromiseLike<unknown> | undefined {
  // Without a closure: it is the hottest line there is.
  if (n === UNTOLD) return callMessageHook(conn, data)
  const by = conn.live.handler.source.onMessage && 'onMessage'
  return telling(conn, n, by, () => callMessageHook(conn, data), nearest)
}

function callMessageHook(conn: Connection, data: unknown): PromiseLike<unknown> | undefined {
  const { source } = conn.live.handler
  if (source.onMessage === undefined) return undefined
  try {
    const result = source.onMessage(conn, data)
    return isPromiseLike(result) ? result : undefined
  } catch (thrown) {
    conn.live.hooks.fail(conn, 'onMessage', thrown)
    return undefined
  }
}

/** Tells the tap what took a message, and for how long. */
function telling(
  conn: Connection,
  n: number,
  by: string | undefined,
  run: () => PromiseLike<unknown> | undefined,
  nearest?: string,
): PromiseLike<unknown> | undefined {
  const { context, handler } = conn.live
  const began = now()
  const tell = (): void => {
    const pattern = handler.pattern.source
    context.tap?.tell({ type: 'handled', conn, pattern, message: n, by, nearest, ms: now() - began })
  }
  const result = run()
  if (result === undefined) tell()
  else result.then(tell, tell)
  return result
}
