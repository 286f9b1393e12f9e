import * as fc from 'fast-check'
import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import { distance } from '../../src/cluster/frame.ts'
import { Inflow } from '../../src/cluster/inflow.ts'
import { Outbox } from '../../src/cluster/outbox.ts'
import { fakeClock } from '../engine/rig.ts'

beforeEach(() => void vi.useFakeTimers())
afterEach(() => void vi.useRealTimers())

interface Seen {
  readonly got: number[]
  readonly asked: [number, number][]
  lost: number
}

function start(maxBytes = 1000): { inflow: Inflow; seen: Seen } {
  const seen: Seen = { got: [], asked: [], lost: 0 }
  const inflow = new Inflow(fakeClock, maxBytes, {
    deliver: (bytes) => void seen.got.push(Buffer.from(bytes).readUInt32LE(0)),
    ask: (from, to) => void seen.asked.push([from, to]),
    lost: (count) => void (seen.lost += count),
  })
  return { inflow, seen }
}

function frame(seq: number): Buffer {
  const bytes = Buffer.alloc(10)
  bytes.writeUInt32LE(seq)
  return bytes
}

test('what comes first is the beginning, and what comes twice comes once', () => {
  const { inflow, seen } = start()
  for (const seq of [7, 8, 8, 7, 9]) inflow.message(seq, frame(seq))
  expect(seen).toEqual({ got: [7, 8, 9], asked: [], lost: 0 })
})

test('a gap is asked for within 50 ms, and what came behind it waits', () => {
  const { inflow, seen } = start()
  inflow.message(1, frame(1))
  inflow.message(4, frame(4))
  inflow.message(5, frame(5))
  expect(seen.got).toEqual([1])
  vi.advanceTimersByTime(50)
  expect(seen.asked).toEqual([[2, 3]])
  inflow.message(2, frame(2))
  inflow.message(3, frame(3))
  vi.advanceTimersByTime(60_000)
  expect(seen).toEqual({ got: [1, 2, 3, 4, 5], asked: [[2, 3]], lost: 0 })
})

test('three answers that do not come are enough: it goes on behind the gap', () => {
  const { inflow, seen } = start()
  inflow.message(1, frame(1))
  inflow.message(4, frame(4))
  vi.advanceTimersByTime(60_000)
  expect(seen).toEqual({
    got: [1, 4],
    asked: [
      [2, 3],
      [2, 3],
      [2, 3],
    ],
    lost: 2,
  })
  inflow.message(3, frame(3))
  expect(seen.got).toEqual([1, 4])
})

test('a gap with nothing behind it is seen by the next sign of life', () => {
  const { inflow, seen } = start()
  inflow.hello(3, 1)
  inflow.hello(5, 4)
  vi.advanceTimersByTime(50)
  expect(seen.asked).toEqual([[4, 5]])
  inflow.message(4, frame(4))
  inflow.message(5, frame(5))
  expect(seen).toMatchObject({ got: [4, 5], lost: 0 })
})

test('what the sender has not kept is given up at once, and only that', () => {
  const { inflow, seen } = start()
  inflow.message(1, frame(1))
  inflow.message(5, frame(5))
  inflow.hello(8, 7)
  expect(seen).toMatchObject({ got: [1, 5], lost: 4 })
  inflow.message(7, frame(7))
  inflow.message(8, frame(8))
  expect(seen.got).toEqual([1, 5, 7, 8])
})

test('one asks for all', () => {
  const { inflow, seen } = start()
  inflow.message(1, frame(1))
  inflow.message(4, frame(4))
  inflow.othersAsked(1, 3)
  vi.advanceTimersByTime(100)
  expect(seen.asked).toEqual([])
  inflow.message(2, frame(2))
  inflow.message(3, frame(3))
  expect(seen.got).toEqual([1, 2, 3, 4])
})

test('nothing is asked for while the broker is away', () => {
  const { inflow, seen } = start()
  inflow.message(1, frame(1))
  inflow.message(3, frame(3))
  inflow.pause()
  vi.advanceTimersByTime(60_000)
  expect(seen).toMatchObject({ asked: [], lost: 0 })
  inflow.resume()
  vi.advanceTimersByTime(50)
  expect(seen.asked).toEqual([[2, 2]])
})

test('without a buffer nothing is late: a gap is a loss at once', () => {
  const { inflow, seen } = start(0)
  inflow.message(1, frame(1))
  inflow.message(4, frame(4))
  inflow.hello(6, 7)
  inflow.message(7, frame(7))
  vi.advanceTimersByTime(60_000)
  expect(seen).toEqual({ got: [1, 4, 7], asked: [], lost: 4 })
})

test('no more waits than the buffer holds', () => {
  const { inflow, seen } = start(25)
  inflow.message(1, frame(1))
  for (const seq of [3, 4, 5]) inflow.message(seq, frame(seq))
  expect(seen).toMatchObject({ got: [1, 3, 4, 5], lost: 1 })
})

test('whatever a broker drops or doubles: each once, in order, and got and lost are all', () => {
  const fate = fc.constantFrom('passes', 'drops', 'doubles')
  fc.assert(
    fc.property(
      fc.array(fc.record({ fate, sends: fc.nat({ max: 3 }), ms: fc.nat({ max: 400 }) }), { maxLength: 60 }),
      fc.integer({ min: 0, max: 200 }),
      fc.integer({ min: 2 ** 32 - 40, max: 2 ** 32 + 5 }),
      (steps, buffer, before) => {
        const outbox = new Outbox(buffer, 5000)
        for (let n = 0; n < 5; n++) outbox.number()
        const offset = before - outbox.last
        const number = (seq: number): number => (seq + offset) >>> 0
        const got: number[] = []
        let lost = 0
        const inflow = new Inflow(fakeClock, 100_000, {
          deliver: (bytes) => void got.push(Buffer.from(bytes).readUInt32LE(0)),
          ask: (from, to) => {
            const own = (seq: number): number => (seq - offset) >>> 0
            for (const kept of outbox.range(own(from), own(to), performance.now()))
              inflow.message(Buffer.from(kept).readUInt32LE(0), kept)
            inflow.hello(number(outbox.last), number(outbox.first(performance.now())))
          },
          lost: (count) => void (lost += count),
        })
        inflow.hello(number(outbox.last), number(outbox.first(0)))
        const beginning = number(outbox.last)
        let sent = 0
        for (const step of steps) {
          for (let n = 0; n < step.sends; n++) {
            const seq = number(outbox.number())
            const bytes = frame(seq)
            sent++
            outbox.keep(bytes, performance.now())
            if (step.fate !== 'drops') inflow.message(seq, bytes)
            if (step.fate === 'doubles') inflow.message(seq, bytes)
          }
          vi.advanceTimersByTime(step.ms)
        }
        inflow.hello(number(outbox.last), number(outbox.first(performance.now())))
        vi.advanceTimersByTime(10_000)
        expect(got.length + lost).toBe(sent)
        let last = beginning
        for (const seq of got) {
          expect(distance(seq, last)).toBeGreaterThan(0)
          last = seq
        }
      },
    ),
    { numRuns: 300 },
  )
})
