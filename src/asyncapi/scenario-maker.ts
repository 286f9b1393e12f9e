import type { Moment, On, Scenario, Step } from '../engine/handler/scenario.ts'
import type { Message } from './api.ts'
import type { Classifier } from './classifier.ts'
import { correlated } from './correlation.ts'
import { greetingsOf } from './greeting.ts'
import type { Settings } from './options.ts'
import { isError, type Samples } from './samples.ts'
import type { Talk } from './talk.ts'

/** RFC 6455 7.4.1: all is done. */
const NORMAL = 1000

/** Behind the prefix of a channel, if it has one: `v1-CloseStream`. "closeOrder" closes no connection. */
const ENDS =
  /^(?:.*\d[^a-z]*)?(?:close|disconnect|terminate|goodbye|bye|quit)(?:[ _-]?(?:stream|session|connection))?$/i

/** Whether a message of a client ends the connection. */
export function isEnd({ names }: Message): boolean {
  return names.some((name) => ENDS.test(name))
}

/** What a document gives as a scenario. Everything that is sent is made here, and is one of `sent`. */
export class ScenarioMaker {
  readonly #samples: Samples
  readonly #incoming: Classifier
  readonly #outgoing: Classifier
  /** What is sent on purpose, though it may not fit: examples are what the author shows. It is looked at when it has been made. */
  readonly #sent = new WeakSet<object>()
  #sentText: unknown

  /** @param incoming - what tells messages of clients apart; `outgoing` those of the server */
  constructor(samples: Samples, incoming: Classifier, outgoing: Classifier) {
    this.#samples = samples
    this.#incoming = incoming
    this.#outgoing = outgoing
  }

  isOurs(data: unknown): boolean {
    return typeof data === 'object' && data !== null ? this.#sent.has(data) : data === this.#sentText
  }

  scenarioOf(talk: Talk, { push, seed }: Pick<Settings, 'push' | 'seed'>): Scenario {
    const greetings = push === 'never' ? [] : greetingsOf(talk.pushes)
    const others = talk.pushes.filter((message) => !greetings.includes(message))
    // With nothing but greetings, those come again, from the next sample on.
    const rounds = others.length > 0 ? others : talk.pushes
    const shown = others.length === 0 && greetings.length > 0 ? 1 : 0
    return {
      seed,
      ...(greetings.length > 0 && {
        connect: greetings.map((message) => ({ send: () => this.#ours(this.#sampleOf(message, 1)) })),
      }),
      on: talk.incoming.map((message) => this.#ruleOf(message, talk.replies.get(message) ?? [])),
      ...(typeof push === 'object' &&
        rounds.length > 0 && {
          every: [
            {
              every: push.every,
              send: ({ n }: Moment) => {
                const message = rounds[(n - 1) % rounds.length]
                return message && this.#ours(this.#sampleOf(message, Math.ceil(n / rounds.length) + shown))
              },
            },
          ],
        }),
    }
  }

  #ruleOf(message: Message, replies: readonly Message[]): On<unknown, unknown, Moment> {
    const steps: Step<unknown, unknown, Moment>[] = []
    if (replies.length > 0)
      steps.push({
        send: ({ message: asked, n }: Moment) => this.#ours(this.#replyTo(message, asked, replies, n)),
      })
    if (isEnd(message)) steps.push({ close: NORMAL })
    return {
      when: (data) => this.#incoming.remembered(data).message === message,
      ...(steps.length > 0 && { reply: steps }),
    }
  }

  #replyTo(request: Message, asked: unknown, replies: readonly Message[], n: number): unknown {
    const isInvalid = this.#incoming.remembered(asked).issues.length > 0
    const failure = isInvalid ? this.#failureOf(replies) : undefined
    if (failure)
      return correlated(failure.sample, failure.message, { request, asked }, (reply) => this.#fits(reply))
    const message = replies.find((each) => !isError(each)) ?? replies[0]
    if (!message) return undefined
    // Who answers with the very message that was asked is an echo.
    if (message === request) return asked
    return correlated(this.#sampleOf(message, n), message, { request, asked }, (reply) => this.#fits(reply))
  }

  /** What the document has for a request that is wrong. */
  #failureOf(
    replies: readonly Message[],
  ): { readonly message: Message; readonly sample: unknown } | undefined {
    const called = replies.find(isError)
    if (called) return { message: called, sample: this.#sampleOf(called, 1) }
    for (const message of replies) {
      const sample = this.#samples.errorOf(message)
      if (sample !== undefined) return { message, sample }
    }
    return undefined
  }

  #sampleOf(message: Message, n: number): unknown {
    return this.#outgoing.named(message, this.#samples.of(message, n))
  }

  #fits(reply: unknown): boolean {
    return this.#outgoing.of(reply).issues.length === 0
  }

  #ours(data: unknown): unknown {
    if (typeof data === 'object' && data !== null) this.#sent.add(data)
    else this.#sentText = data
    return data
  }
}

/** One scenario of several, the first of which counts where there can be one only. */
export function together(scenarios: readonly Scenario[]): Scenario {
  const [first = {}, ...others] = scenarios
  if (others.length === 0) return first
  const list = <T>(value: T | readonly T[] | undefined): readonly T[] =>
    value === undefined ? [] : Array.isArray(value) ? (value as readonly T[]) : [value as T]
  return {
    ...Object.assign({}, ...scenarios.toReversed()),
    connect: scenarios.flatMap(({ connect }) => list(connect)),
    on: scenarios.flatMap(({ on }) => on ?? []),
    every: scenarios.flatMap(({ every }) => every ?? []),
  } as Scenario
}
