import type { Message } from './api.ts'

/**
 * A reply with the id of its request. A document that says where the id is in the request only means the same place in the reply, where
 * that has one.
 * @param fits - whether a reply without an id may be sent
 */
export function correlated(
  reply: unknown,
  message: Message,
  { request, asked }: { readonly request: Message; readonly asked: unknown },
  fits: (reply: unknown) => boolean,
): unknown {
  const from = request.correlation ?? message.correlation
  const to = message.correlation ?? request.correlation
  if (!from || !to || typeof reply !== 'object' || reply === null) return reply
  const id = valueAt(asked, from)
  if (valueAt(reply, to) === undefined && (message.correlation === undefined || id === undefined))
    return reply
  const copy: unknown = structuredClone(reply)
  setAt(copy, to, id)
  return id !== undefined || fits(copy) || !fits(reply) ? copy : reply
}

function valueAt(data: unknown, keys: readonly string[]): unknown {
  return keys.reduce<unknown>(
    (value, key) =>
      typeof value === 'object' && value !== null && Object.hasOwn(value, key)
        ? (value as Record<string, unknown>)[key]
        : undefined,
    data,
  )
}

/** @param value - `undefined` takes the member away */
function setAt(data: unknown, keys: readonly string[], value: unknown): void {
  const last = keys.at(-1)
  const holder = valueAt(data, keys.slice(0, -1))
  if (last === undefined || typeof holder !== 'object' || holder === null) return
  if (value === undefined) delete (holder as Record<string, unknown>)[last]
  else Object.defineProperty(holder, last, { value, enumerable: true, configurable: true, writable: true })
}
