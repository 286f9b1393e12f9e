import * as fc from 'fast-check'
import { expect, test } from 'vitest'
import {
  decodeFrame,
  distance,
  encodeAgain,
  encodeAnswer,
  encodeAsk,
  encodeBye,
  encodeHello,
  encodeMessage,
  isMarkedAgain,
  markAgain,
  nameOfNode,
  newNodeId,
  readMessage,
} from '../../src/cluster/frame.ts'

const text = fc.string({ unit: 'grapheme', maxLength: 300 })
/** Any string, halves of characters too. */
const name = fc.string({ unit: 'binary', maxLength: 300 })
const message = fc.record({
  pattern: name,
  scope: fc.option(name, { nil: undefined }),
  rooms: fc.option(fc.array(fc.oneof(text, name, fc.constant('\ud800')), { maxLength: 200 }), {
    nil: undefined,
  }),
  payload: fc.oneof(text, fc.uint8Array({ maxLength: 300 })),
})
const seq = fc.nat({ max: 2 ** 32 - 1 })

test('a message is what it was', () => {
  fc.assert(
    fc.property(message, seq, (said, number) => {
      const sender = newNodeId()
      const frame = encodeMessage(sender, number, said)
      expect(decodeFrame(frame)).toEqual({ kind: 'message', sender, seq: number })
      const read = readMessage(frame)
      expect({ ...read, payload: plain(read?.payload) }).toEqual({ ...said, payload: plain(said.payload) })
      expect(isMarkedAgain(frame)).toBe(false)
      const again = markAgain(frame)
      expect(isMarkedAgain(again)).toBe(true)
      expect(readMessage(again)).toEqual(read)
    }),
  )
})

test('nothing of the memory of a frame is kept', () => {
  const frame = encodeMessage(1, 1, {
    pattern: '/a',
    scope: undefined,
    rooms: ['r'],
    payload: new Uint8Array([7]),
  })
  const read = readMessage(frame)
  frame.fill(0)
  expect(read).toEqual({ pattern: '/a', scope: undefined, rooms: ['r'], payload: Buffer.from([7]) })
})

test('what cannot be text is replaced, as it is for local clients', () => {
  const frame = encodeMessage(1, 1, {
    pattern: '/a',
    scope: undefined,
    rooms: undefined,
    payload: 'a\ud800b',
  })
  expect(readMessage(frame)?.payload).toBe('a\ufffdb')
})

test('the other kinds are what they were', () => {
  const sender = newNodeId()
  expect(decodeFrame(encodeHello(sender, 9, { a: 1 }))).toEqual({
    kind: 'hello',
    sender,
    seq: 9,
    about: { a: 1 },
  })
  expect(decodeFrame(encodeBye(sender, 2 ** 32 - 1))).toEqual({ kind: 'bye', sender, seq: 2 ** 32 - 1 })
  expect(decodeFrame(encodeAgain(sender, 5, 1, 2 ** 32 - 1))).toEqual({
    kind: 'again',
    sender,
    seq: 0,
    whose: 5,
    from: 1,
    to: 2 ** 32 - 1,
  })
  expect(decodeFrame(encodeAsk(sender, 3, { what: 'stats' }))).toEqual({
    kind: 'ask',
    sender,
    seq: 0,
    call: 3,
    question: { what: 'stats' },
  })
})

test('a long answer comes in parts that a broker takes', () => {
  const list = Array.from({ length: 20_000 }, (_, n) => ({ id: `connection ${n}` }))
  const frames = [...encodeAnswer(1, 2, 3, list)]
  expect(frames.length).toBeGreaterThan(1)
  const parts = frames.map((frame) => {
    expect(frame.length).toBeLessThan(300_000)
    const decoded = decodeFrame(frame)
    if (decoded?.kind !== 'answer') throw new Error('no answer')
    expect([decoded.to, decoded.call]).toEqual([2, 3])
    return decoded
  })
  expect(parts.map(({ isPart }) => isPart)).toEqual(frames.map((_, n) => n < frames.length - 1))
  expect(JSON.parse(Buffer.concat(parts.map(({ part }) => part)).toString())).toEqual(list)
})

test('garbage is nobody’s, and throws nothing', () => {
  const read = (bytes: Uint8Array): void => {
    const frame = decodeFrame(bytes)
    if (frame?.kind === 'message') readMessage(bytes)
  }
  fc.assert(fc.property(fc.uint8Array({ maxLength: 80 }), read))
  // The same behind a head that is in order.
  fc.assert(
    fc.property(fc.integer({ min: 0, max: 15 }), fc.uint8Array({ maxLength: 80 }), (kind, rest) => {
      const frame = encodeBye(7, 1)
      frame[0] = 0x10 | kind
      read(Buffer.concat([frame, rest]))
    }),
  )
  fc.assert(
    fc.property(message, fc.nat(), fc.integer({ min: 0, max: 255 }), (said, at, byte) => {
      const frame = encodeMessage(1, 1, said)
      frame[at % frame.length] = byte
      read(frame)
      read(frame.subarray(0, at % frame.length))
    }),
  )
  const other = encodeMessage(1, 1, { pattern: '/a', scope: undefined, rooms: undefined, payload: '' })
  other[0] = 0x20
  expect(decodeFrame(other)).toBeUndefined()
  expect(decodeFrame(new Uint8Array())).toBeUndefined()
})

test('a number comes after another one also where they begin anew', () => {
  expect(distance(0, 2 ** 32 - 1)).toBe(1)
  expect(distance(2 ** 32 - 1, 0)).toBe(-1)
  expect(nameOfNode(0xff)).toBe('000000000000ff')
})

function plain(payload: string | Uint8Array | undefined): unknown {
  return typeof payload === 'object' ? [...payload] : payload
}
