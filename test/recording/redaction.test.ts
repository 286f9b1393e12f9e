import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { openRecorder } from '../../src/recording/recorder.ts'
import { Redaction } from '../../src/recording/redaction.ts'
import { folder, linesOf } from './folder.ts'

const JWT = 'eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiI0MiJ9.c2lnbmF0dXJl'

const redacted = (text: string, options: object = {}): string =>
  new Redaction(options, () => {}).text(text, 'client')

test('no secret reaches the disk, and the same one has one number', async () => {
  const file = join(folder(), 'x.jsonl')
  const it = await openRecorder(
    { file, headers: ['x-tenant', 'Authorization'] },
    { url: 'wss://joe:hunter2@api.example' },
  )
  const conn = it.opened({
    path: '/ws?room=1&access_token=s3cret-token&x=2',
    offered: ['graphql-ws', 'access_token', 'opaque-9f3'],
    protocol: 'graphql-ws',
    headers: {
      authorization: 'Bearer from-a-header',
      'x-tenant': 'acme',
      cookie: 'sid=from-a-cookie',
      'sec-websocket-protocol': `v1, ${JWT}`,
    },
  })
  const deep = { a: [{ b: { c: { d: { apiKey: 's3cret-token', keep: 1 } } } }] }
  it.message(conn, 'client', JSON.stringify(deep))
  it.message(
    conn,
    'server',
    `here is ${JWT}, and Bearer abcd-efgh. And wss://u:p4ss@h/x?sig=1&token=s3cret-token`,
  )
  it.closed(conn, 'server', 4001, 'bad token=abc Bearer zyxw')
  it.refused({ path: '/ws?jwt=q1w2', status: 401, body: '{"session":"from-a-body"}' })
  const { redacted: counts } = await it.close()
  const text = readFileSync(file, 'utf8')
  for (const secret of [
    'hunter2',
    's3cret',
    'opaque-9f3',
    'from-a',
    'eyJ',
    'abcd-efgh',
    'p4ss',
    'zyxw',
    'q1w2',
  ])
    expect([secret, text.includes(secret)]).toEqual([secret, false])
  const lines = linesOf(file) as any[]
  expect(lines[0]).toMatchObject({ redacted: true, url: 'wss://[redacted:1]@api.example' })
  const [, number] = /access_token=(\[redacted:\d+\])/.exec(lines[1].path)!
  expect(lines[1]).toMatchObject({
    path: `/ws?room=1&access_token=${number}&x=2`,
    headers: { 'x-tenant': 'acme', authorization: expect.stringMatching(/^\[redacted:\d+\]$/) },
  })
  expect(lines[2].json).toEqual({ a: [{ b: { c: { d: { apiKey: number, keep: 1 } } } }] })
  expect(lines[3].text).toContain(`&token=${number}`)
  expect(counts).toMatchObject({ login: 2, jwt: 2, header: 1, subprotocol: 1 })
})

test('redact: false writes everything as it is', async () => {
  const file = join(folder(), 'x.jsonl')
  const it = await openRecorder({ file, redact: false }, { url: 'wss://joe:hunter2@api.example' })
  const conn = it.opened({ path: '/ws?token=abc' })
  it.message(conn, 'client', '{"password":"p"}')
  expect(await it.close()).toMatchObject({ redacted: {} })
  expect(linesOf(file)).toMatchObject([
    { redacted: false, url: 'wss://joe:hunter2@api.example' },
    { path: '/ws?token=abc' },
    { json: { password: 'p' } },
  ])
})

test.each([
  // What is not redacted stays letter by letter.
  ['{"n":12345678901234567890, "token" : "x" }', '{"n":12345678901234567890, "token" : "[redacted:1]" }'],
  ['{"a":1,"b":[true]}', '{"a":1,"b":[true]}'],
  // socket.io, SockJS, and JSON in JSON.
  ['42["join",{"token":"x"}]', '42["join",{"token":"[redacted:1]"}]'],
  [`a["{\\"token\\":\\"x\\"}"]`, `a["{\\"token\\":\\"[redacted:1]\\"}"]`],
  // Numbers are secrets, too; what counts tokens, and what is true or nothing, is none.
  ['{"password":1234}', '{"password":"[redacted:1]"}'],
  [
    '{"total_tokens":12,"hasSession":true,"token":null}',
    '{"total_tokens":12,"hasSession":true,"token":null}',
  ],
  ['{"output_token_details":{"cached_tokens":3}}', '{"output_token_details":{"cached_tokens":3}}'],
  ['{"tokens":["a","b","a"]}', '{"tokens":["[redacted:1]","[redacted:2]","[redacted:1]"]}'],
  // An object keeps its form.
  [
    '{"session":{"id":"a","n":1,"on":true},"x":1}',
    '{"session":{"id":"[redacted:1]","n":"[redacted:2]","on":true},"x":1}',
  ],
  ['{"Api-Key":"a\\"b","x":"a"}', '{"Api-Key":"[redacted:1]","x":"a"}'],
  // Cut off, and broken.
  ['{"token":"abc', '{"token":"[redacted:1]"'],
  ['{"token":{"a":"b', '{"token":{"a":"[redacted:1]"'],
  ['"token": ', '"token": '],
  // STOMP.
  ['CONNECT\nlogin:joe\npasscode:xyz\n\n\0', 'CONNECT\nlogin:joe\npasscode:[redacted:1]\n\n\0'],
  [`Authorization: Bearer abcdef\nx: 1`, 'Authorization: Bearer [redacted:1]\nx: 1'],
  ['the bearer of news', 'the bearer of news'],
  ['{"pin":"0000"}', '{"pin":"0000"}'],
])('%s becomes %s', (text, expected) => {
  expect(redacted(text)).toBe(expected)
})

test('keys and custom are taken besides', () => {
  expect(redacted('{"PIN":"0000"}', { redact: { keys: ['pin'] } })).toBe('{"PIN":"[redacted:1]"}')
  const told: unknown[] = []
  const redact = {
    custom: (text: string, from: string) => {
      if (text === 'boom') throw new Error('no')
      return from === 'client' ? text.replaceAll('joe', '<name>') : text
    },
  }
  const it = new Redaction({ redact }, (error) => told.push(error))
  expect(it.text('joe was here', 'client')).toBe('<name> was here')
  expect(it.text('joe was here', 'server')).toBe('joe was here')
  // Whoever fails to say what is secret gets nothing written down.
  expect(it.text('boom', 'server')).toBe('[redacted:1]')
  expect(told).toHaveLength(1)
  expect(it.counts).toEqual({ custom: 2 })
})

test('a placeholder of an earlier recording stays, and its number is taken', () => {
  const it = new Redaction({}, () => {})
  expect(it.text('{"token":"[redacted:7]"}', 'client')).toBe('{"token":"[redacted:7]"}')
  expect(it.text('{"token":"x"}', 'client')).toBe('{"token":"[redacted:8]"}')
})

test('a hostile text takes no longer than its length', () => {
  const n = 200_000
  const texts = [
    '"',
    '\\"',
    '\\',
    '{"token":',
    '?',
    '?token',
    '&a',
    '://a@',
    'bearer ',
    'eyJ',
    'token\n',
    '[',
  ]
  const began = performance.now()
  for (const each of texts) redacted(`{"token":"${each.repeat(n)}`)
  for (const each of texts) redacted(`token ${each.repeat(n)}`)
  expect(performance.now() - began).toBeLessThan(20_000)
})
