import { expect, test } from 'vitest'
import type { WebSocketConnection } from '../../src/engine/connection/websocket-connection.ts'
import type { Happening, TapEvent } from '../../src/engine/tap.ts'
import { FaultMarks } from '../../src/inspector/marks.ts'

const [one, other] = [{ id: '1' }, { id: '2' }] as unknown as [WebSocketConnection, WebSocketConnection]
const marks = (): FaultMarks => new FaultMarks((conn) => Number(conn.id))

function event(happening: Happening): TapEvent {
  return { ...happening, n: 1, at: 0 }
}

function fault(
  conn: WebSocketConnection,
  kind: 'drop' | 'delay' | 'duplicate' | 'corrupt',
  message: number,
  payload: string,
  direction: 'in' | 'out' = 'out',
): TapEvent {
  return event({ type: 'fault', conn, pattern: '/a', kind, direction, message, payload })
}

const sent = (conn: WebSocketConnection, payload: string): TapEvent =>
  event({ type: 'sent', conn, pattern: '/a', payload, bytes: 0, status: 'sent' })
const message = (conn: WebSocketConnection, nth: number | undefined, payload: string): TapEvent =>
  event({ type: 'message', conn, pattern: '/a', payload, bytes: 0, nth })

test('a frame has the faults that were told right before it', () => {
  const seen = marks()
  for (const kind of ['corrupt', 'duplicate'] as const)
    expect(seen.see(fault(one, kind, 1, 'x'))).toBe(undefined)
  expect(seen.see(sent(other, 'x'))).toBe(undefined)
  expect(seen.see(sent(one, 'x'))).toEqual({ corrupt: [1], duplicate: [1] })
  expect(seen.see(sent(one, 'x'))).toBe(undefined)
})

test('a frame that onFault sends comes in between, and has its own', () => {
  const seen = marks()
  seen.see(fault(one, 'drop', 1, 'x'))
  seen.see(fault(one, 'delay', 2, 'x'))
  expect(seen.see(sent(one, 'x'))).toEqual({ delay: [1] })
  expect(seen.see(sent(one, 'x'))).toEqual({ drop: [1] })
})

test('a broadcast has those of its receivers', () => {
  const seen = marks()
  seen.see(fault(one, 'drop', 1, 'x'))
  seen.see(fault(other, 'drop', 5, 'x'))
  seen.see(fault(other, 'duplicate', 5, 'x'))
  const broadcast = (pattern: string): TapEvent =>
    event({
      type: 'broadcast',
      pattern,
      from: undefined,
      rooms: undefined,
      payload: 'x',
      bytes: 1,
      receivers: 2,
      audience: () => [one, other],
    })
  expect(seen.see(broadcast('/b'))).toBe(undefined)
  expect(seen.see(broadcast('/a'))).toEqual({ drop: [1, 2], duplicate: [2] })
})

test('faults whose frame is never told are forgotten with their turn', async () => {
  const seen = marks()
  seen.see(fault(one, 'delay', 1, 'x'))
  await Promise.resolve()
  expect(seen.see(sent(one, 'x'))).toBe(undefined)
})

test('a message that arrives is known by its number, whatever else arrives meanwhile', () => {
  const seen = marks()
  seen.see(fault(one, 'delay', 1, 'x', 'in'))
  seen.see(fault(one, 'duplicate', 2, 'y', 'in'))
  seen.see(fault(one, 'drop', 3, 'x', 'in'))
  seen.see(fault(other, 'corrupt', 1, 'x', 'in'))
  expect(seen.see(message(one, undefined, 'x'))).toBe(undefined)
  expect(seen.see(message(one, 2, 'y'))).toEqual({ duplicate: [1] })
  expect(seen.see(message(one, 1, 'x'))).toEqual({ delay: [1] })
  expect(seen.see(message(one, 2, 'y'))).toEqual({ duplicate: [1] })
  expect(seen.see(message(one, 2, 'y'))).toBe(undefined)
  seen.forget()
  expect(seen.see(message(other, 1, ''))).toBe(undefined)
})
