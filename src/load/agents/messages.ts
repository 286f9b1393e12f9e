import type { LoadOptions, Share } from '../options.ts'
import type { FromWorker } from '../worker.ts'

/** Of these messages; agents of another version are refused. */
export const AGENTS_VERSION = 1
/** Who says nothing for as long is gone. */
export const SILENCE_MS = 3000
/** How often the coordinator asks, and so learns how far away an agent is. */
export const PING_EVERY_MS = 500

/** From the coordinator to an agent, as JSON. */
export type ToAgent =
  | {
      readonly type: 'prepare'
      /** Counts the runs: what comes late is of the one before. */
      readonly run: number
      readonly options: LoadOptions
      readonly shares: readonly Share[]
      /** SHA-256 of the file of a script; the agent has a copy of its own. */
      readonly script: string | null
      readonly showSecrets: boolean
    }
  | {
      readonly type: 'go'
      readonly run: number
      /** Milliseconds from when this arrives to when messages are due. */
      readonly startIn: number
      readonly warmup: number
      readonly duration: number
      readonly snapshotEvery: number
    }
  | { readonly type: 'stop'; readonly run: number }
  /** The threads of the run are not needed any more. */
  | { readonly type: 'end'; readonly run: number; readonly isDone: boolean }
  | { readonly type: 'ping'; readonly at: number }

/** From an agent to the coordinator, as JSON. */
export type FromAgent =
  | { readonly type: 'hello'; readonly version: number; readonly name: string; readonly runtime: string }
  | { readonly type: 'pong'; readonly at: number }
  /** `worker` is the place of its share in `prepare`. */
  | { readonly type: 'worker'; readonly run: number; readonly worker: number; readonly message: FromWorker }
  | { readonly type: 'failed'; readonly run: number; readonly message: string }

/** Bytes, and the number behind the last one, are nothing that JSON has. */
export function encode(message: ToAgent | FromAgent): string {
  return JSON.stringify(message, (_key, value: unknown) => {
    if (value === Infinity) return { $: 'Infinity' }
    if (value instanceof Uint8Array) return { $: 'bytes', base64: Buffer.from(value).toString('base64') }
    // A Buffer has made itself a list already.
    if (isBufferJson(value)) return { $: 'bytes', base64: Buffer.from(value.data).toString('base64') }
    return value
  })
}

/** @throws for what is no JSON */
export function decode(text: string): unknown {
  return JSON.parse(text, (_key, value: unknown) => {
    if (typeof value !== 'object' || value === null || !('$' in value)) return value
    const { $, base64 } = value as { $: string; base64?: string }
    if ($ === 'Infinity') return Infinity
    return $ === 'bytes' ? Buffer.from(base64 ?? '', 'base64') : value
  })
}

function isBufferJson(value: unknown): value is { readonly data: number[] } {
  return typeof value === 'object' && value !== null && (value as { type?: unknown }).type === 'Buffer'
}
