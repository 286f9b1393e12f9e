import { ExpectationError, noMatch, show, tail } from './failure.ts'
import type { Closed, Journal } from './journal.ts'
import { matches, type Pattern } from './pattern.ts'
import { Wait, Waiting, type Expecting } from './wait.ts'

/** The messages of one side of a connection. None is ever lost: one that came before it is asked for counts, too. */
export interface Messages<T = any> extends AsyncIterable<T> {
  readonly all: readonly T[]
  /**
   * The next message, from where the last `next` stopped; with a pattern the next that matches, and those before it
   * are skipped. Each iteration (`for await`) goes through all of them for itself, up to the end of the connection.
   * @throws if none comes in time, or the connection closes
   */
  next(match?: Pattern<T>, options?: Expecting): Promise<T>
  /**
   * Resolves if, of those that `next` has not passed, none is there and none comes for that long.
   * Without `for` it waits until what was sent has arrived.
   * @throws as soon as one is there
   */
  none(match?: Pattern<T>, options?: { for?: number }): Promise<void>
}

export interface MessagesContext {
  /** Whose they are, for the text of a failure. */
  readonly what: string
  readonly timeout: number
  readonly journal: Journal
  settled(): Promise<void>
}

export class MessageLog<T = any> implements Messages<T> {
  readonly all: T[] = []
  readonly #context: MessagesContext
  #next = 0
  #closed: Closed | undefined
  /** Called when a message comes, or none any more. */
  readonly #waiting = new Waiting()
  /** One `next` after the other, each behind the message of the one before. */
  #turn: Promise<unknown> = Promise.resolve()

  constructor(context: MessagesContext) {
    this.#context = context
  }

  push(message: T): void {
    this.all.push(message)
    this.#waiting.wake()
  }

  end(closed: Closed): void {
    this.#closed = closed
    this.#waiting.wake()
  }

  async next(match?: Pattern<T>, options: Expecting = {}): Promise<T> {
    const wait = new Wait(options.timeout ?? this.#context.timeout, options.signal, 'timeout')
    const before = this.#turn
    const taken = this.#inTurn(before, wait)
      .then((isItsTurn) => (isItsTurn ? this.#take(match, wait) : this.#fail(match, wait, NOT_ITS_TURN)))
      .finally(() => wait.end())
    this.#turn = Promise.allSettled([before, taken])
    return taken
  }

  async none(match?: Pattern<T>, options: { for?: number } = {}): Promise<void> {
    const fail = (message: T): ExpectationError => {
      const wanted = match === undefined ? 'no message' : `no message like ${show(match)}`
      const lines = [`${this.#context.what}: expected ${wanted}, received ${show(message)}`]
      return new ExpectationError([...lines, ...tail(this.#context.journal)].join('\n'))
    }
    const found = (): T[] =>
      this.all.slice(this.#next).filter((each) => match === undefined || matches(match, each))
    const wait = new Wait(options.for ?? this.#context.timeout, undefined, 'for')
    const settled = options.for === undefined ? this.#context.settled() : undefined
    try {
      let done = false
      void settled?.then(() => {
        done = true
        this.#waiting.wake()
      })
      for (;;) {
        const [message] = found()
        if (message !== undefined) throw fail(message)
        if (done || wait.isOver || this.#closed) return
        await this.#waiting.until(wait)
      }
    } finally {
      wait.end()
    }
  }

  async *[Symbol.asyncIterator](): AsyncGenerator<T> {
    for (let index = 0; ; index++) {
      const wait = new Wait(Infinity, undefined, 'timeout')
      while (index >= this.all.length) {
        if (this.#closed) return
        await this.#waiting.until(wait)
      }
      yield this.all[index] as T // index < length
    }
  }

  /** Whether it is: one that is over before does not wait for those that are in front of it. */
  #inTurn(before: Promise<unknown>, wait: Wait): Promise<boolean> {
    return new Promise((resolve) => {
      void before.then(() => resolve(true))
      wait.whenOver(() => resolve(false))
    })
  }

  async #take(match: Pattern<T> | undefined, wait: Wait): Promise<T> {
    for (let index = this.#next; ;) {
      while (index < this.all.length) {
        const message = this.all[index++] as T // index < length
        if (match !== undefined && !matches(match, message)) continue
        this.#next = index
        return message
      }
      if (this.#problem(wait) !== undefined) return this.#fail(match, wait)
      await this.#waiting.until(wait)
    }
  }

  #fail(match: Pattern<T> | undefined, wait: Wait, more: string = ''): never {
    const problem = this.#problem(wait)
    if (problem instanceof Error) throw problem
    const { what, journal } = this.#context
    throw noMatch(`${what}: ${problem}${more}`, match, this.all.slice(this.#next), journal)
  }

  #problem(wait: Wait): Error | string | undefined {
    if (wait.aborted) return toError(wait.aborted.reason)
    if (this.#closed) return `the connection closed with ${this.#closed.code} while a message was waited for`
    return wait.isOver ? `no message that matches within ${wait.timeout} ms` : undefined
  }
}

const NOT_ITS_TURN = "; a next() before it still waits, and the messages are that one's"

function toError(reason: unknown): Error {
  return reason instanceof Error ? reason : new Error(String(reason))
}
