import * as fc from 'fast-check'
import { expect, test } from 'vitest'
import { FrameReader } from '../../src/wire/frame-reader.ts'
import { encodeFrame } from '../support/raw-client.ts'

interface Message {
  readonly isText: boolean
  /** One, or the fragments. */
  readonly parts: readonly Buffer[]
}

const message: fc.Arbitrary<Message> = fc.record({
  isText: fc.boolean(),
  parts: fc.array(
    fc
      .oneof(fc.nat(3), fc.constantFrom(124, 125, 126, 127, 300, 65_535, 65_536))
      .map((length) => Buffer.alloc(length, length)),
    { minLength: 1, maxLength: 3 },
  ),
})

test('whatever the pieces, and whenever it is paused, the same messages come in their order', () => {
  fc.assert(
    fc.property(
      fc.array(message, { maxLength: 8 }),
      fc.array(fc.integer({ min: 1, max: 70_000 }), { minLength: 1, maxLength: 20 }),
      fc.array(fc.constantFrom('go on', 'pause', 'pause and resume'), { minLength: 1, maxLength: 5 }),
      (messages, sizes, moods) => {
        const bytes = Buffer.concat(
          messages.flatMap(({ isText, parts }) =>
            parts.map((part, i) =>
              encodeFrame(i > 0 ? 0 : isText ? 1 : 2, part, { masked: false, fin: i === parts.length - 1 }),
            ),
          ),
        )
        const read: string[] = []
        const reader: FrameReader = new FrameReader({
          message(all, start, end, isText) {
            expect(reader.isPaused).toBe(false)
            read.push(`${isText} ${all.toString('latin1', start, end)}`)
            const mood = moods[read.length % moods.length]
            if (mood !== 'go on') reader.pause()
            if (mood === 'pause and resume') reader.resume()
          },
          control: () => expect.unreachable(),
          violation: (_code, what) => expect.unreachable(what),
        })
        for (let at = 0, n = 0; at < bytes.length; n++) {
          // As a socket does: the memory is another one's as soon as it is read.
          const piece = Buffer.from(bytes.subarray(at, at + (sizes[n % sizes.length] ?? 1)))
          reader.read(piece, 0, piece.length)
          piece.fill(0xff)
          at += piece.length
          if (n % 2 === 0) reader.resume()
        }
        while (reader.isPaused) reader.resume()
        expect(read).toEqual(
          messages.map(({ isText, parts }) => `${isText} ${Buffer.concat(parts).toString('latin1')}`),
        )
      },
    ),
    { numRuns: 300 },
  )
})

test('a limit holds for a message, in one frame or in many, and nothing is read after it', () => {
  const frame = (opcode: number, length: number, fin: boolean): Buffer =>
    encodeFrame(opcode, Buffer.alloc(length), { masked: false, fin })
  const cases = [
    [frame(2, 101, true)],
    [frame(2, 101, true).subarray(0, 3)],
    [frame(2, 60, false), frame(0, 41, true)],
    [frame(2, 60, false), frame(0, 41, false).subarray(0, 2)],
    [frame(2, 100, false), frame(0, 0, false), frame(0, 1, true)],
  ]
  for (const frames of cases) {
    const said: unknown[] = []
    const reader = new FrameReader(
      {
        message: () => said.push('message'),
        control: () => said.push('control'),
        violation: (code, what) => said.push([code, what]),
      },
      100,
    )
    for (const bytes of [frame(2, 100, true), ...frames, frame(2, 1, true)])
      reader.read(bytes, 0, bytes.length)
    expect(said).toEqual(['message', [1009, 'a message is larger than 100 bytes']])
  }
})
