import { mkdirSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { readRecording } from '../../src/recording/recording.ts'
import { fileOf, folder, reading } from './folder.ts'

const HEAD = '{"sidewire":"recording/1","at":"2026-11-25T20:00:00.000Z"}'
const OPEN = '{"t":0,"conn":1,"type":"open","path":"/ws"}'

const failure = (content: string | Uint8Array): string => {
  try {
    reading(content)
  } catch (error) {
    expect(error).toMatchObject({ name: 'SidewireError', code: 'ERR_RECORDING' })
    return (error as Error).message
  }
  throw new Error('it was read')
}

test('all kinds of lines, with what later versions may add left out', () => {
  const { head, events, warnings } = reading(
    [
      '{"sidewire":"recording/1","at":"2026-11-25T20:00:00.000Z","url":"ws://x","tool":"t","redacted":true,"new":1}',
      '{"t":0,"conn":1,"type":"open","path":"/ws","offered":["a"],"protocol":"a","headers":{"origin":"x"},"new":1}',
      '{"t":1.5,"conn":1,"from":"client","json":null}',
      '{"t":2,"conn":1,"from":"server","text":"a"}',
      '{"t":3,"conn":1,"from":"server","base64":"AAH/"}',
      '',
      '{"t":4,"conn":1,"type":"close","from":"network","code":1006}',
      '{"t":5,"conn":2,"type":"refused","path":"/ws","status":503,"body":"busy"}',
      '{"t":5,"conn":3,"type":"refused","path":"/ws"}',
    ].join('\n'),
  )
  expect(head).toEqual({
    sidewire: 'recording/1',
    at: '2026-11-25T20:00:00.000Z',
    url: 'ws://x',
    tool: 't',
    redacted: true,
  })
  expect(events).toEqual([
    { t: 0, conn: 1, type: 'open', path: '/ws', offered: ['a'], protocol: 'a', headers: { origin: 'x' } },
    { t: 1.5, conn: 1, from: 'client', json: null },
    { t: 2, conn: 1, from: 'server', text: 'a' },
    { t: 3, conn: 1, from: 'server', base64: 'AAH/' },
    { t: 4, conn: 1, type: 'close', from: 'network', code: 1006 },
    { t: 5, conn: 2, type: 'refused', path: '/ws', status: 503, body: 'busy' },
    { t: 5, conn: 3, type: 'refused', path: '/ws' },
  ])
  expect(warnings).toEqual([])
})

test('a byte order mark, and the line breaks of Windows', () => {
  expect(reading(`\uFEFF${HEAD}\r\n${OPEN}\r\n`).events).toHaveLength(1)
})

test('a line that is longer than what is read at once', () => {
  const text = 'ä'.repeat(3_000_000)
  const { events } = reading(`${HEAD}\n${OPEN}\n{"t":1,"conn":1,"from":"client","text":"${text}"}\n`)
  expect((events[1] as { text: string }).text === text).toBe(true)
})

test('a last line that is cut off is a warning, as is a message that is not there as a whole', () => {
  const cut = reading(`${HEAD}\n${OPEN}\n{"t":1,"conn":1,"from":"cli`)
  expect(cut.events).toHaveLength(1)
  expect(cut.warnings).toEqual([expect.stringMatching(/x\.jsonl, line 3 is cut off, and left out/)])
  const beginning = reading(`${HEAD}\n${OPEN}\n{"t":1,"conn":1,"from":"client","text":"a","isCut":true}`)
  expect(beginning.warnings).toEqual([expect.stringMatching(/only the beginning of 1 messages/)])
})

describe('errors name the line, the field, its value and what it has to be', () => {
  const row = (fields: string): string => `${HEAD}\n${OPEN}\n${fields}\n`
  test.each([
    ['', /x\.jsonl is empty/],
    ['\n\n', /is empty/],
    ['hello\n', /line 1 is no JSON/],
    ['hello', /line 1 is no JSON/],
    ['[]', /line 1 begins no recording: \[\]/],
    ['{"log":{}}', /line 1 begins no recording: it has to be \{"sidewire":"recording\/1"/],
    ['{"sidewire":"recording/2"}', /line 1 says recording\/2, which this version cannot read/],
    [row('{"t":1,'), /line 3 is no JSON/],
    [row('7'), /line 3 is no event: 7/],
    [row('{"conn":1}'), /line 3 has "t" missing; it has to be milliseconds/],
    [row('{"t":-1,"conn":1}'), /line 3 has "t" -1; it has to be milliseconds, 0 or more/],
    [row('{"t":1,"conn":0}'), /line 3 has "conn" 0;/],
    [row('{"t":1,"conn":1,"type":"ping"}'), /line 3 has the type "ping"; known are open, close, refused/],
    [row('{"t":1,"conn":1,"type":"open"}'), /line 3 has "path" missing; it has to be a string/],
    [row('{"t":1,"conn":1,"type":"open","path":"/","offered":"a"}'), /line 3 has "offered" "a";/],
    [row('{"t":1,"conn":1,"type":"open","path":"/","headers":{"a":1}}'), /line 3 has "headers"/],
    [
      row('{"t":1,"conn":1,"from":"me","text":""}'),
      /line 3 has "from" "me"; it has to be "client" or "server"/,
    ],
    [
      row('{"t":1,"conn":1,"from":"client"}'),
      /line 3 is a message with nothing in it; .*json, text and base64/,
    ],
    [row('{"t":1,"conn":1,"from":"client","text":"","json":1}'), /line 3 is a message with json and text/],
    [row('{"t":1,"conn":1,"from":"client","text":1}'), /line 3 has "text" 1; it has to be a string/],
    [row('{"t":1,"conn":1,"from":"client","base64":"AAH"}'), /line 3 has base64 that does not decode: "AAH"/],
    [row('{"t":1,"conn":1,"from":"client","base64":"A=AA"}'), /does not decode/],
    [row('{"t":1,"conn":1,"type":"close","from":"client","code":7}'), /line 3 has "code" 7; .* 1000 to 4999/],
    [row('{"t":1,"conn":2,"type":"refused","path":"/","status":7}'), /line 3 has "status" 7;/],
  ])('%j', (content, message) => {
    expect(failure(content)).toMatch(message)
  })

  test('a file that is not there, and a folder', () => {
    const path = folder()
    expect(() => readRecording(join(path, 'none.jsonl'))).toThrow(/none\.jsonl: there is no such file/)
    mkdirSync(join(path, 'sub'))
    expect(() => readRecording(join(path, 'sub'))).toThrow(/sub: it is a folder/)
    expect(() => readRecording(fileOf(new Uint8Array([0, 1, 2])))).toThrow(/line 1 is no JSON/)
  })
})
