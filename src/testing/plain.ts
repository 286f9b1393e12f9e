import { types } from 'node:util'
import { show } from './failure.ts'

/** What JSON can say. */
export type Plain = null | boolean | number | string | readonly Plain[] | { readonly [key: string]: Plain }

/**
 * A value as JSON says it, whatever it holds: bytes are `{ base64 }`, errors have their name and message, and what JSON
 * has no word for is a text. Never `undefined`.
 */
export function plain(value: unknown, above: readonly unknown[] = []): Plain {
  if (value === undefined || value === null) return null
  if (typeof value === 'boolean' || typeof value === 'string') return value
  if (typeof value === 'number') return Number.isFinite(value) ? value : String(value)
  if (typeof value !== 'object') return show(value)
  if (above.includes(value)) return '[circular]'
  const inside = [...above, value]
  if (types.isAnyArrayBuffer(value)) return { base64: Buffer.from(value).toString('base64') }
  if (ArrayBuffer.isView(value))
    return { base64: Buffer.from(value.buffer, value.byteOffset, value.byteLength).toString('base64') }
  if (value instanceof Error) {
    const { name, message, cause } = value
    return { name, message, ...(cause !== undefined && { cause: plain(cause, inside) }) }
  }
  if ('toJSON' in value && typeof value.toJSON === 'function') return plain(value.toJSON(), inside)
  if (Array.isArray(value)) return value.map((each) => plain(each, inside))
  if (value instanceof Map || value instanceof Set || value instanceof RegExp) return show(value)
  const members = Object.entries(value).filter(([, each]) => each !== undefined)
  return Object.fromEntries(members.map(([key, each]) => [key, plain(each, inside)]))
}
