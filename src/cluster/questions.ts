import type { Clock } from '../engine/clock.ts'
import { encodeAnswer, encodeAsk, nameOfNode, type Frame, type NodeId } from './frame.ts'

/** What nodes ask each other. */
export interface Question {
  readonly what: string
  readonly args?: unknown
}

/** What the others say, and who said nothing in time. */
export interface Answers<T> {
  readonly answers: ReadonlyMap<string, T>
  /** The ids of nodes that are there, and did not answer. */
  readonly missing: readonly string[]
}

interface Call {
  readonly waitsFor: Set<NodeId>
  readonly answers: Map<string, unknown>
  readonly parts: Map<NodeId, Uint8Array[]>
  settle(): void
}

/** Answers longer than this are not taken: another node's list must not fill this one's memory. */
const MAX_ANSWER = 64 * 1024 * 1024

export class Questions {
  readonly #clock: Clock
  readonly #self: NodeId
  readonly #publish: (frame: Uint8Array) => boolean
  readonly #answer: (question: Question) => unknown
  readonly #calls = new Map<number, Call>()
  #last = 0

  constructor(
    clock: Clock,
    self: NodeId,
    publish: (frame: Uint8Array) => boolean,
    answer: (question: Question) => unknown,
  ) {
    this.#clock = clock
    this.#self = self
    this.#publish = publish
    this.#answer = answer
  }

  /** Resolves when all of them have answered, or time is up; never rejects. */
  async ask<T>(question: Question, nodes: Iterable<NodeId>, timeout: number): Promise<Answers<T>> {
    const waitsFor = new Set(nodes)
    const answers = new Map<string, T>()
    const call = (this.#last = (this.#last + 1) >>> 0)
    if (waitsFor.size > 0 && this.#publish(encodeAsk(this.#self, call, question)))
      await new Promise<void>((resolve) => {
        const timer = this.#clock.after(timeout, resolve)
        const settle = (): void => {
          timer.cancel()
          resolve()
        }
        this.#calls.set(call, { waitsFor, answers, parts: new Map(), settle })
      })
    this.#calls.delete(call)
    return { answers, missing: Array.from(waitsFor, nameOfNode) }
  }

  /** One that will not answer any more. */
  forget(node: NodeId): void {
    for (const call of this.#calls.values()) this.#done(call, node)
  }

  async asked({ sender, call, question }: Extract<Frame, { kind: 'ask' }>): Promise<void> {
    const answer: unknown = await this.#answer(question as Question)
    // Nobody waits for the rest of an answer whose beginning was not taken.
    for (const frame of encodeAnswer(this.#self, sender, call, answer)) if (!this.#publish(frame)) return
  }

  answered({ sender, to, call: number, isPart, part }: Extract<Frame, { kind: 'answer' }>): void {
    const call = to === this.#self ? this.#calls.get(number) : undefined
    if (!call?.waitsFor.has(sender)) return
    const parts = call.parts.get(sender) ?? []
    call.parts.set(sender, [...parts, new Uint8Array(part)])
    if (isPart && parts.reduce((sum, { length }) => sum + length, part.length) <= MAX_ANSWER) return
    if (!isPart) {
      try {
        const text = Buffer.concat([...parts, part]).toString()
        call.answers.set(nameOfNode(sender), JSON.parse(text) as unknown)
      } catch {
        return // A part of it was lost: it counts as missing when time is up.
      }
    }
    this.#done(call, sender)
  }

  #done(call: Call, node: NodeId): void {
    call.waitsFor.delete(node)
    if (call.waitsFor.size === 0) call.settle()
  }
}
