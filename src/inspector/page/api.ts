import type { RecordingState } from '../../engine/upstream/recording-state.ts'
import type { FaultAnswer, FaultCommand } from '../faults.ts'
import type { Batch } from '../inspector.ts'
import type { Watch } from '../watch.ts'

/** What the server says instead of an answer. */
export class Refusal extends Error {
  readonly status: number

  constructor(status: number, message: string) {
    super(message)
    this.status = status
  }
}

/** Whom a message, or an end, is for. */
export type Target =
  | { readonly connection: string }
  | { readonly pattern: string; readonly rooms?: readonly string[] }

export type Content = { readonly data: unknown } | { readonly text: string } | { readonly base64: string }

const TOKEN = 'sidewire.token'

/** Out of the address, where whoever looks over a shoulder would read it; kept for a reload of this tab. */
let token = takeToken()

function takeToken(): string | undefined {
  const given = new URLSearchParams(location.hash.slice(1)).get('token')
  if (given === null) return sessionStorage.getItem(TOKEN) ?? undefined
  sessionStorage.setItem(TOKEN, given)
  history.replaceState(null, '', location.pathname + location.search)
  return given
}

export function useToken(given: string): void {
  token = given
  sessionStorage.setItem(TOKEN, given)
}

/** @throws `Refusal` if the server says no, `TypeError` if nobody answers */
async function ask<T>(what: string, command: unknown, signal?: AbortSignal): Promise<T> {
  const answer = await fetch(`page/${what}`, {
    method: 'POST',
    headers: {
      'Content-Type': 'application/json',
      ...(token !== undefined && { Authorization: `Bearer ${token}` }),
    },
    body: JSON.stringify(command),
    ...(signal && { signal }),
  }).catch((error: Error) => {
    // Each browser has words of its own for it.
    throw error.name === 'AbortError' ? error : new TypeError('the server does not answer', { cause: error })
  })
  const value = await answer.json().catch(() => undefined)
  if (answer.ok) return value as T
  throw new Refusal(answer.status, value?.error?.message ?? `${answer.status} ${answer.statusText}`)
}

export function watch(command: Partial<Watch>, signal: AbortSignal): Promise<Batch> {
  return ask('watch', command, signal)
}

export function payload(n: number): Promise<{ text?: string; base64?: string }> {
  return ask('payload', { n })
}

export function send(to: Target, content: Content): Promise<{ receivers: number }> {
  return ask('send', { to, ...content })
}

/** Without a code it is cut. */
export function disconnect(to: Target, code?: number, reason?: string): Promise<{ connections: number }> {
  return ask('disconnect', { to, ...(code !== undefined && { code, reason }) })
}

export function switchFaults(command: FaultCommand): Promise<FaultAnswer> {
  return ask('faults', command)
}

export function switchRecording(action: 'start' | 'stop'): Promise<RecordingState> {
  return ask('recording', { action })
}
