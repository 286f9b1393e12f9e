import type { Timer } from '../engine/clock.ts'
import { CloseCode, truncateReason } from '../engine/close.ts'
import { describe, SidewireError } from '../engine/errors.ts'
import type { Moment, Step, Steps, Target } from '../engine/handler/scenario.ts'
import type { Payload } from '../engine/runtime.ts'
import { isPromiseLike } from '../engine/promise.ts'
import type { Actor, MutableMoment } from './actor.ts'
import { within } from '../faults/chance.ts'

export type AnyStep = Step<any, any, Moment>
export type AnySteps = Steps<any, any, Moment>

const EXPECT_WITHIN_MS = 5000

/** Steps that are taken one after the other, for one connection. They pause at `wait` and `expect`, and nowhere else. */
export class Run {
  readonly #actor: Actor
  readonly #moment: MutableMoment
  readonly #walk: Generator<readonly [step: AnyStep, path: string]>
  readonly #onEnd: (() => void) | undefined
  /** Of a connection that has gone. */
  readonly #isFarewell: boolean
  /** When the next step is due: the times of a run are those of its beginning, however late its timers come. */
  #due: number
  #timer: Timer | undefined
  #isOver = false

  constructor(
    actor: Actor,
    steps: AnySteps,
    {
      place,
      path,
      message,
      n,
    }: { readonly place: string; readonly path: string; readonly message: unknown; readonly n: number },
    onEnd?: () => void,
  ) {
    this.#actor = actor
    this.#onEnd = onEnd
    this.#isFarewell = place === 'disconnect'
    this.#moment = actor.moment(place, message, n)
    this.#walk = walk(steps, path)
    this.#due = actor.stage.clock.now()
    actor.runs.add(this)
    this.#go()
  }

  /** It is taken no further. */
  end(): void {
    if (this.#isOver) return
    this.#isOver = true
    this.#timer?.cancel()
    this.#actor.runs.delete(this)
    this.#onEnd?.()
  }

  #go(): void {
    for (;;) {
      if (this.#isOver) return
      if (this.#isGone) return this.end()
      const next = this.#walk.next()
      if (next.done) return this.end()
      const [step, path] = next.value
      try {
        const pending = this.#take(step, path)
        if (pending === PAUSED) return
        if (isPromiseLike(pending)) {
          pending.then(
            () => {
              // What takes its time puts off what is behind it.
              this.#due = Math.max(this.#due, this.#actor.stage.clock.now())
              this.#go()
            },
            (thrown: unknown) => this.#fail(path, thrown),
          )
          return
        }
      } catch (thrown) {
        return this.#fail(path, thrown)
      }
    }
  }

  /** Whether there is nobody left whom it is about. */
  get #isGone(): boolean {
    return this.#actor.conn.closed && !this.#isFarewell
  }

  /** @returns `PAUSED`, or a promise of what an async function of it does */
  #take(step: AnyStep, path: string): unknown {
    const { conn, stage } = this.#actor
    const moment = this.#moment
    if (typeof step === 'function') return step(moment)
    if ('wait' in step) return this.#pause(within(step.wait, moment.random))
    if ('expect' in step) return this.#expect(step, path)
    if ('send' in step) {
      const { send, to = 'self' } = step
      if (typeof send !== 'function')
        return this.#deliver(this.#actor.payloads.of(step, send, stage), to, `${path}.to`)
      return whenMade(send(moment), (data) =>
        data === undefined || this.#isGone ? undefined : this.#deliver(stage.encode(data), to, `${path}.to`),
      )
    }
    if ('set' in step)
      return whenMade(valueOf(step.set, moment), (made) => {
        if (typeof made !== 'object' || made === null)
          throw new SidewireError(
            'ERR_OPTION',
            `${path}.set made ${describe(made)}; it has to make an object`,
          )
        // What stands in the scenario is nobody's own.
        const own: object = typeof step.set === 'function' ? made : structuredClone(made)
        Object.assign(step.in === 'shared' ? moment.shared : moment.state, own)
      })
    if ('goto' in step) this.#actor.phase = step.goto
    if ('join' in step) return whenMade(valueOf(step.join, moment), (room) => conn.joinRoom(room as string))
    if ('leave' in step)
      return whenMade(valueOf(step.leave, moment), (room) => conn.leaveRoom(room as string))
    if ('close' in step) conn.close(step.close, step.reason)
    else if ('drop' in step) conn.forceClose()
    return undefined
  }

  #deliver(payload: Payload, to: Target, path: string): unknown {
    const { conn, stage } = this.#actor
    if (to === 'self') stage.send(conn, payload)
    else if (typeof to !== 'object') stage.broadcast(conn, payload, undefined, to === 'all')
    else
      return whenMade(valueOf(to.room, this.#moment), (room) => {
        // Nobody is told a room that was not named.
        if (typeof room !== 'string' || room === '')
          throw new SidewireError(
            'ERR_ROOM_NAME',
            `${path}.room made ${describe(room)}; it has to make the name of a room`,
          )
        if (!this.#isGone) stage.broadcast(conn, payload, room, to.includeSelf ?? false)
      })
    return undefined
  }

  #pause(ms: number): typeof PAUSED {
    const { clock } = this.#actor.stage
    this.#due += ms
    this.#timer = clock.after(Math.max(0, this.#due - clock.now()), () => this.#go())
    return PAUSED
  }

  #expect(
    { expect, within: ms = EXPECT_WITHIN_MS, otherwise }: Extract<AnyStep, { expect: unknown }>,
    path: string,
  ): typeof PAUSED {
    const { clock } = this.#actor.stage
    const waiter = {
      takes: (data: unknown) => this.#actor.matches(expect, data, this.#moment, `${path}.expect`),
      path,
      arrived: (data: unknown) => {
        this.#timer?.cancel()
        this.#moment.message = data
        this.#due = clock.now()
        this.#go()
      },
    }
    this.#actor.waiters.add(waiter)
    this.#timer = clock.after(ms, () => {
      this.#actor.waiters.delete(waiter)
      this.#due = clock.now()
      if (otherwise !== undefined) {
        new Run(
          this.#actor,
          otherwise,
          { place: path, path: `${path}.otherwise`, message: this.#moment.message, n: this.#moment.n },
          () => this.end(),
        )
        return
      }
      this.#fail(
        path,
        new SidewireError('ERR_SCENARIO', `${path}: nothing that it expects came within ${ms} ms`),
      )
      this.#actor.conn.close(
        CloseCode.PolicyViolation,
        truncateReason(`${path}: nothing that it expects came within ${ms} ms`),
      )
    })
    return PAUSED
  }

  #fail(path: string, thrown: unknown): void {
    this.end()
    this.#actor.stage.failed(this.#actor.conn, path, thrown)
  }
}

const PAUSED = Symbol('paused')

function* walk(steps: AnySteps, path: string): Generator<readonly [AnyStep, string]> {
  const isList = Array.isArray(steps)
  const list = (isList ? steps : [steps]) as readonly AnyStep[]
  for (const [index, step] of list.entries()) {
    const here = isList ? `${path}[${index}]` : path
    if (typeof step === 'function' || !('repeat' in step)) yield [step, here]
    else for (let i = 0; i < step.repeat; i++) yield* walk(step.steps, `${here}.steps`)
  }
}

function valueOf(value: unknown, moment: Moment): unknown {
  return typeof value === 'function' ? (value as (moment: Moment) => unknown)(moment) : value
}

/** At once, if it can be. */
function whenMade(made: unknown, use: (value: unknown) => unknown): unknown {
  return isPromiseLike(made) ? Promise.resolve(made).then(use) : use(made)
}
