import type { WebSocketConnection } from '../engine/connection/websocket-connection.ts'
import type { Every, Moment, On, Scenario, SharedMoment } from '../engine/handler/scenario.ts'
import type { Play, Stage, Taken } from '../engine/play.ts'
import { isPromiseLike } from '../engine/promise.ts'
import { Actor, type Common, withNew } from './actor.ts'
import { differenceAt } from './match.ts'
import { Payloads } from './payloads.ts'
import { randomOf } from './random.ts'
import { Run, type AnySteps } from './run.ts'
import { Ticker } from './ticker.ts'

type AnyOn = On<any, any, Moment>
type AnyEvery = Every<any, Moment, any>
type Whole = Extract<AnyEvery, { to: 'all' }>

/** What `every` sends to all, once for all of them. */
const isWhole = (every: AnyEvery): every is Whole => every.to === 'all'

/** Plays a scenario for all connections of a handler. */
export class ScenarioPlay implements Play {
  readonly #scenario: Scenario
  readonly #stage: Stage
  readonly #common: Common
  readonly #actors = new Map<WebSocketConnection, Actor>()
  /** Of `count: 'handler'`. */
  readonly #counts = new Map<number, number>()
  #tickers: Ticker[] = []

  constructor(scenario: Scenario, stage: Stage, before: Play | undefined) {
    this.#scenario = scenario
    this.#stage = stage
    const known = before instanceof ScenarioPlay ? before : undefined
    const { shared = {} } = scenario
    const made: unknown = typeof shared === 'function' ? shared() : structuredClone(shared)
    this.#common = {
      stage,
      scenario,
      payloads: new Payloads(),
      shared: known ? withNew(known.#common.shared, made) : made,
    }
    // Who is connected stays where it was; what it is told when it connects, it was told.
    for (const conn of stage.connections())
      if (!conn.closed) this.#enter(conn, known && known.#actors.get(conn))
  }

  opened(conn: WebSocketConnection): void {
    const actor = this.#enter(conn)
    const { connect } = this.#scenario
    if (actor && connect !== undefined && !conn.closed)
      new Run(actor, connect, { place: 'connect', path: 'scenario.connect', message: undefined, n: 1 })
  }

  awaits(conn: WebSocketConnection, data: unknown): Taken | undefined {
    const actor = this.#actors.get(conn)
    if (!actor) return undefined
    for (const waiter of actor.waiters) {
      if (!waiter.takes(data)) continue
      actor.waiters.delete(waiter)
      this.#say(conn, `${waiter.path} took it`)
      waiter.arrived(data)
      return { by: waiter.path, done: undefined }
    }
    return undefined
  }

  answers(conn: WebSocketConnection, data: unknown): Taken | undefined {
    const actor = this.#actors.get(conn)
    if (!actor) return undefined
    for (const [index, on] of (this.#scenario.on ?? []).entries()) {
      const path = `scenario.on[${index}]`
      const place = `on/${index}`
      if (!actor.isIn(on.phase)) continue
      const before = on.count === 'handler' ? (this.#counts.get(index) ?? 0) : actor.countOf(place)
      const chosen = chosenOf(on, before)
      if (chosen === undefined) continue
      if (!actor.matches(on.when, data, actor.moment(place, data, before + 1), `${path}.when`)) continue
      if (on.count === 'handler') this.#counts.set(index, before + 1)
      else actor.count(place)
      if (on.goto !== undefined) actor.phase = on.goto
      this.#say(conn, `${path} took it`)
      return this.#perform(
        actor,
        chosen.steps,
        { place, path: path + chosen.path, message: data, n: before + 1 },
        path,
      )
    }
    if (this.#stage.debug) this.#say(conn, this.#missed(actor, data))
    return undefined
  }

  nearest(conn: WebSocketConnection, data: unknown): string | undefined {
    const actor = this.#actors.get(conn)
    return actor && this.#nearest(actor, data)
  }

  otherwise(conn: WebSocketConnection, data: unknown): Taken | undefined {
    const actor = this.#actors.get(conn)
    const { otherwise } = this.#scenario
    if (!actor || otherwise === undefined) return undefined
    const path = 'scenario.otherwise'
    return this.#perform(
      actor,
      otherwise,
      { place: 'otherwise', path, message: data, n: actor.count('otherwise') },
      path,
    )
  }

  left(conn: WebSocketConnection): void {
    const actor = this.#actors.get(conn)
    this.#actors.delete(conn)
    actor?.stop()
    const { disconnect } = this.#scenario
    if (actor && disconnect !== undefined)
      new Run(actor, disconnect, {
        place: 'disconnect',
        path: 'scenario.disconnect',
        message: undefined,
        n: 1,
      })
    if (this.#actors.size === 0) this.#stopTickers()
  }

  stop(): void {
    for (const actor of this.#actors.values()) actor.stop()
    this.#stopTickers()
  }

  #perform(
    actor: Actor,
    steps: AnySteps | undefined,
    place: ConstructorParameters<typeof Run>[2],
    by: string,
  ): Taken {
    if (steps === undefined) return { by, done: undefined }
    if (!this.#stage.isSequential) {
      new Run(actor, steps, place)
      return { by, done: undefined }
    }
    return { by, done: new Promise((resolve) => new Run(actor, steps, place, resolve)) }
  }

  #enter(conn: WebSocketConnection, before?: Actor): Actor | undefined {
    let actor: Actor
    try {
      actor = new Actor(conn, this.#common, before)
    } catch (thrown) {
      this.#stage.failed(conn, 'scenario.state', thrown)
      return undefined
    }
    this.#actors.set(conn, actor)
    if (this.#actors.size === 1) this.#startTickers()
    for (const [index, every] of (this.#scenario.every ?? []).entries())
      if (!isWhole(every)) actor.tickers.add(this.#tickerOf(actor, every, index))
    return actor
  }

  #tickerOf(actor: Actor, every: Exclude<AnyEvery, Whole>, index: number): Ticker {
    const place = `every/${index}`
    const step = { send: every.send, to: every.to ?? 'self' }
    return new Ticker(this.#stage.clock, every, actor.randomAt(place), () => {
      if (actor.isIn(every.phase))
        new Run(actor, step, {
          place,
          path: `scenario.every[${index}]`,
          message: undefined,
          n: actor.count(place),
        })
    })
  }

  #startTickers(): void {
    this.#tickers = (this.#scenario.every ?? []).flatMap((every, index) =>
      isWhole(every) ? this.#wholeTicker(every, index) : [],
    )
  }

  #wholeTicker(every: Whole, index: number): Ticker {
    const stage = this.#stage
    const { shared, scenario, payloads } = this.#common
    const random = randomOf({
      seed: scenario.seed ?? 1,
      pattern: stage.pattern,
      key: 0,
      kind: `every/${index}`,
    })
    const { room } = every
    let n = 0
    const failed = (thrown: unknown): void => stage.failed(undefined, `scenario.every[${index}]`, thrown)
    const send = (data: unknown): void => {
      if (data !== undefined) stage.publish(stage.encode(data), room)
    }
    return new Ticker(stage.clock, every, random, () => {
      n++
      try {
        if (typeof every.send !== 'function')
          return stage.publish(payloads.of(every, every.send, stage), room)
        const moment: SharedMoment = { n, shared, random, now: () => stage.clock.date() }
        const made: unknown = every.send(moment)
        if (isPromiseLike(made)) void Promise.resolve(made).then(send).catch(failed)
        else send(made)
      } catch (thrown) {
        failed(thrown)
      }
      return undefined
    })
  }

  #stopTickers(): void {
    for (const ticker of this.#tickers) ticker.stop()
    this.#tickers = []
  }

  #say(conn: WebSocketConnection, text: string): void {
    this.#stage.debug?.(`${this.#stage.pattern} (connection ${conn.id}): ${text}`)
  }

  #missed(actor: Actor, data: unknown): string {
    const about = 'no rule of the scenario took it'
    const nearest = this.#nearest(actor, data)
    return nearest === undefined ? about : `${about}: nearest was ${nearest}`
  }

  /** Of those that did not take it the one that looked furthest into it, and why. */
  #nearest(actor: Actor, data: unknown): string | undefined {
    const near = (this.#scenario.on ?? []).flatMap(({ when, phase }, index) => {
      if (typeof when === 'function') return []
      const at = differenceAt(when, data)
      if (at !== undefined) return { index, depth: at.split(/[.[]/).length, why: `differs at ${at}` }
      return actor.isIn(phase) ? [] : { index, depth: Infinity, why: `is not for the phase "${actor.phase}"` }
    })
    const nearest = near.toSorted((one, other) => other.depth - one.depth)[0]
    return nearest && `on[${nearest.index}], which ${nearest.why}`
  }
}

/** What an `on` says the next time; `undefined`: it has nothing left to say. */
function chosenOf(
  on: AnyOn,
  before: number,
): { readonly steps: AnySteps | undefined; readonly path: string } | undefined {
  const { reply, replies, after = 'last' } = on
  if (replies === undefined) return { steps: reply, path: '.reply' }
  if (before >= replies.length && after === 'pass') return undefined
  const index = after === 'cycle' ? before % replies.length : Math.min(before, replies.length - 1)
  return { steps: replies[index], path: `.replies[${index}]` }
}
