import { clearTimeout, setTimeout } from '../engine/timers.ts'
import { SidewireError, type ErrorCode } from '../engine/errors.ts'
import { Refused, type ControlErrorCode } from '../control/answers.ts'

// Questions over a channel that only carries messages: either side may ask the other.

export interface Ask {
  readonly type: 'ask'
  readonly call: number
  readonly what: string
  readonly given: unknown
}

export interface Answer {
  readonly type: 'answer'
  readonly call: number
  readonly value?: unknown
  readonly error?: ToldError
}

/** An error, as it is told to another process. */
export interface ToldError {
  readonly message: string
  /** Of one that is this package's. */
  readonly code?: string
  /** Of one that is an HTTP answer. */
  readonly status?: number
  /** Of any other: where it comes from is not here. */
  readonly stack?: string
}

/** `undefined`: it has not answered in time, or has gone. */
export type Outcome<T> = { readonly value: T } | { readonly error: Error } | undefined

interface Open {
  readonly peer: object
  end(answer: Answer | undefined): void
}

export class Calls {
  #last = 0
  readonly #open = new Map<number, Open>()

  /** @param ms - how long an answer may take; without it as long as the peer is there */
  async ask<T>(
    peer: { send(message: Ask): void },
    what: string,
    given: unknown,
    ms?: number,
  ): Promise<Outcome<T>> {
    const call = ++this.#last
    const answer = await new Promise<Answer | undefined>((resolve) => {
      const timer = ms === undefined ? undefined : setTimeout(() => end(undefined), ms)
      const end = (told: Answer | undefined): void => {
        clearTimeout(timer)
        this.#open.delete(call)
        resolve(told)
      }
      this.#open.set(call, { peer, end })
      peer.send({ type: 'ask', call, what, given })
    })
    if (answer?.error) return { error: errorOf(answer.error) }
    return answer && { value: answer.value as T }
  }

  answered(answer: Answer): void {
    this.#open.get(answer.call)?.end(answer)
  }

  /** Nobody answers any more. */
  lost(peer: object): void {
    for (const open of this.#open.values()) if (open.peer === peer) open.end(undefined)
  }
}

/** What answers a question, with what comes of it. */
export async function answerTo({ call }: Ask, run: () => unknown): Promise<Answer> {
  try {
    return { type: 'answer', call, value: await run() }
  } catch (thrown) {
    return { type: 'answer', call, error: toTell(thrown) }
  }
}

export function toTell(thrown: unknown): ToldError {
  if (!(thrown instanceof Error)) return { message: String(thrown) }
  const { message, stack } = thrown
  if (thrown instanceof Refused) return { message, code: thrown.code, status: thrown.status }
  if (thrown instanceof SidewireError) return { message, code: thrown.code }
  return stack === undefined ? { message } : { message, stack }
}

export function errorOf({ message, code, status, stack }: ToldError): Error {
  if (status !== undefined) return new Refused(status, code as ControlErrorCode, message)
  if (code !== undefined) return new SidewireError(code as ErrorCode, message)
  return Object.assign(new Error(message), stack !== undefined && { stack })
}

/** For people. */
export function textOf({ message, code, stack }: ToldError): string {
  return code === undefined ? (stack ?? message) : `${message} (${code})`
}
