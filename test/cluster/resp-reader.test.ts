import * as fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { command } from '../../src/cluster/redis/command.ts'
import { Pipeline } from '../../src/cluster/redis/pipeline.ts'
import { RespReader, type RespItem } from '../../src/cluster/redis/resp-reader.ts'

const MAX_BULK = 4096

type Event = readonly [kind: string, value: unknown]

/** What is read of these chunks; the bytes of strings as latin1. */
function read(...chunks: readonly (string | Uint8Array)[]): Event[] {
  const events: Event[] = []
  const note =
    (kind: string) =>
    (value: unknown): void =>
      void events.push([kind, value])
  const shown = (item: RespItem): unknown =>
    item instanceof Uint8Array ? Buffer.from(item).toString('latin1') : item
  const reader = new RespReader(
    {
      status: note('status'),
      error: note('error'),
      integer: note('integer'),
      garbage: note('garbage'),
      array: (items) => void events.push(['array', items.map(shown)]),
    },
    MAX_BULK,
  )
  for (const chunk of chunks) reader.push(Buffer.from(chunk as Uint8Array))
  return events
}

describe('what a server says', () => {
  test.each<[string, Event[]]>([
    ['+OK\r\n', [['status', 'OK']]],
    [
      '+\r\n-ERR no\r\n',
      [
        ['status', ''],
        ['error', 'ERR no'],
      ],
    ],
    [
      ':0\r\n:-12\r\n:123456789012345\r\n',
      [
        ['integer', 0],
        ['integer', -12],
        ['integer', 123456789012345],
      ],
    ],
    ['*3\r\n$7\r\nmessage\r\n$1\r\nc\r\n$4\r\n\r\n\0*\r\n', [['array', ['message', 'c', '\r\n\0*']]]],
    ['*3\r\n$9\r\nsubscribe\r\n$1\r\nc\r\n:1\r\n', [['array', ['subscribe', 'c', 1]]]],
    ['*2\r\n$-1\r\n$0\r\n\r\n', [['array', [null, '']]]],
    ['*1\r\n$3\r\nab', []],
    ['', []],
  ])('%j', (text, events) => {
    expect(read(text)).toEqual(events)
    expect(read(...Array.from(text))).toEqual(events)
  })
})

describe('what is no RESP2 ends it, wherever it is cut', () => {
  test.each([
    ['HTTP/1.1 400 Bad Request\r\n', 'a line starts with 0x48'],
    ['*0\r\n', 'an array has 0 items'],
    ['*-1\r\n', 'an array has -1 items'],
    ['*17\r\n', 'an array has 17 items'],
    ['*1\r\n*1\r\n:1\r\n', 'an array is in another one'],
    ['*1\r\n+OK\r\n', 'in an array, a line starts with 0x2b'],
    ['$2\r\nOK\r\n', 'a string is in no array'],
    ['*1\r\n$-2\r\n', 'a string has -2 bytes, and at most 4096 are read'],
    ['*1\r\n$4097\r\n', 'a string has 4097 bytes, and at most 4096 are read'],
    ['*1\r\n$2\r\nOKAY', 'a string does not end with CR LF'],
    [':1x\r\n', 'a number has other things than digits in it'],
    [':\r\n', 'a number has other things than digits in it'],
    [':--1\r\n', 'a number has other things than digits in it'],
    [':1\rx', 'a line does not end with CR LF'],
    ['+OK\rx', 'a line does not end with CR LF'],
    [`:${'1'.repeat(16)}\r\n`, 'a number is too long'],
    [`+${'x'.repeat(5000)}`, 'a line is longer than 4096 bytes'],
  ])('case %#: $1', (text, why) => {
    expect(read(`:1\r\n${text}:2\r\n`)).toEqual([
      ['integer', 1],
      ['garbage', why],
    ])
    expect(read(':1\r\n', ...Array.from(text), ':2\r\n')).toEqual([
      ['integer', 1],
      ['garbage', why],
    ])
  })
})

const bytes = fc.uint8Array({ maxLength: 60 }).map((array) => Buffer.from(array))
const line = fc.string({ unit: 'grapheme-ascii', maxLength: 20 })
/** A reply, and the bytes it comes as. */
const reply = fc.oneof(
  line.map((text): [Event, Buffer] => [['status', text], Buffer.from(`+${text}\r\n`)]),
  line.map((text): [Event, Buffer] => [['error', text], Buffer.from(`-${text}\r\n`)]),
  fc
    .integer({ min: -999_999_999, max: 999_999_999 })
    .map((value): [Event, Buffer] => [['integer', value], Buffer.from(`:${value}\r\n`)]),
  fc
    .array(bytes, { minLength: 1, maxLength: 5 })
    .map((items): [Event, Buffer] => [
      ['array', items.map((item) => item.toString('latin1'))],
      Buffer.concat([
        Buffer.from(`*${items.length}\r\n`),
        ...items.flatMap((item) => [Buffer.from(`$${item.length}\r\n`), item, Buffer.from('\r\n')]),
      ]),
    ]),
)

function chunksOf(whole: Buffer, cuts: readonly number[]): Buffer[] {
  const ends = [...new Set(cuts.map((cut) => cut % (whole.length + 1)))].toSorted((a, b) => a - b)
  return [...ends, whole.length].map((end, index) => whole.subarray(ends[index - 1] ?? 0, end))
}

test('however it is cut, the same is read', () => {
  fc.assert(
    fc.property(
      fc.array(reply, { maxLength: 12 }),
      fc.array(fc.nat(), { maxLength: 20 }),
      (replies, cuts) => {
        const whole = Buffer.concat(replies.map(([, each]) => each))
        const events = replies.map(([event]) => event)
        expect(read(...chunksOf(whole, cuts))).toEqual(events)
      },
    ),
    { numRuns: 300 },
  )
})

test('whatever comes, nothing is thrown, and cuts make no difference', () => {
  const noise = fc.oneof(
    bytes,
    reply.map(([, each]) => each),
    fc.constantFrom('*1\r\n', '$5\r\n', '\r\n', ':').map((text) => Buffer.from(text)),
  )
  fc.assert(
    fc.property(fc.array(noise, { maxLength: 8 }), fc.array(fc.nat(), { maxLength: 20 }), (parts, cuts) => {
      const whole = Buffer.concat(parts)
      expect(read(...chunksOf(whole, cuts))).toEqual(read(whole))
    }),
    { numRuns: 300 },
  )
})

test('what is published in a turn leaves in one write, as commands', async () => {
  const writes: Buffer[] = []
  const outbox = new Pipeline('a:0', (parts) => writes.push(Buffer.concat(parts)))
  const texts = ['', 'x', 'ten bytes.', 'y'.repeat(99), 'z'.repeat(100), 'ä'.repeat(1000)]
  for (const text of texts) outbox.add(Buffer.from(text))
  expect(writes).toEqual([])
  expect(outbox.waiting).toBeGreaterThan(2210)
  await new Promise((resolve) => setImmediate(resolve))
  const wanted = texts.map((text) => command('PUBLISH', 'a:0', text))
  expect(writes).toEqual([Buffer.concat(wanted)])
  expect(outbox.waiting).toBe(0)

  // A large one is not copied, and stays behind what was published before it.
  outbox.add(Buffer.from('before'))
  outbox.add(Buffer.alloc(100_000, 'l'))
  expect(Buffer.concat(writes.slice(1))).toEqual(
    Buffer.concat([command('PUBLISH', 'a:0', 'before'), command('PUBLISH', 'a:0', 'l'.repeat(100_000))]),
  )
})
