import { createServer } from 'node:http'
import { afterEach, describe, expect, test } from 'vitest'
import type { UniversalApiWsHandler } from '../../src/index.ts'
import { createTestServer, type TestConnection, type TestServer } from '../../src/testing/index.ts'
import '../../src/testing/vitest.ts'
import { connectWs, type TestClient } from '../support/client.ts'
import { freePort } from '../support/free-port.ts'

const servers: TestServer[] = []
afterEach(async () => {
  await Promise.all(servers.splice(0).map((server) => server.close()))
})

const CHAT: UniversalApiWsHandler = { pattern: '/chat' }

async function connected(): Promise<{ server: TestServer; client: TestClient; connection: TestConnection }> {
  const server = await createTestServer([CHAT])
  servers.push(server)
  const client = await connectWs(server.url('/chat'))
  return { server, client, connection: await server.connection() }
}

/** The text of a failure, with the times and the port that differ left out. */
async function failure(run: () => unknown): Promise<string> {
  const nothing = 'it did not fail'
  const message = await Promise.resolve()
    .then(run)
    .then(
      () => nothing,
      (error: Error) => error.message,
    )
  expect(message).not.toBe(nothing)
  return message.replaceAll(/ +\d+ ms {2}/g, '  T ms  ').replaceAll(/:\d{4,5}/g, ':PORT')
}

describe('toReceive', () => {
  test('takes the next message that is like it, and that one only', async () => {
    const { client, connection } = await connected()
    client.json({ type: 'join', room: 'a' })
    client.json({ type: 'say', text: 'hello' })
    await expect(connection).toReceive({ type: 'join' })
    await expect(connection).toReceive({ text: /^hel/ })
    await expect(connection).not.toReceive()
    await expect(connection).not.toReceive({ type: 'join' }, { for: 20 })
  })

  test('says what it wanted, what was nearest, and what happened', async () => {
    const { server, client, connection } = await connected()
    client.json({ type: 'joined', room: 'a' })
    await connection.received.next()
    client.json({ type: 'joined', room: 'b' })
    await server.settled()
    expect(await failure(() => expect(connection).toReceive({ type: 'join', room: 'b' }, { timeout: 30 })))
      .toMatchInlineSnapshot(`
        "the client of connection 1 (/chat): no message that matches within 30 ms
          expected: { type: 'join', room: 'b' }
          nearest:  { type: 'joined', room: 'b' }
            type: expected 'join', received 'joined'
          the last 3 entries:
          T ms  connect   #1 /chat
          T ms  in        #1 { type: 'joined', room: 'a' }
          T ms  in        #1 { type: 'joined', room: 'b' }"
      `)
  })

  test('with .not says what came', async () => {
    const { client, connection } = await connected()
    client.json({ type: 'error', code: 7 })
    expect(await failure(() => expect(connection).not.toReceive({ type: 'error' }, { for: 60_000 })))
      .toMatchInlineSnapshot(`
        "the client of connection 1 (/chat): expected no message like { type: 'error' }, received { type: 'error', code: 7 }
          the last 2 entries:
          T ms  connect   #1 /chat
          T ms  in        #1 { type: 'error', code: 7 }"
      `)
  })

  test('says so with and without .not if it is not called on a connection, or with a time that is none', async () => {
    const { connection } = await connected()
    expect(await failure(() => expect({}).toReceive('x'))).toContain(
      'toReceive() got {}; it is for a connection: expect(await server.connection()).toReceive(...)',
    )
    expect(await failure(() => expect('x').not.toReceive('x'))).toContain('toReceive() got "x"')
    expect(await failure(() => expect(connection).toReceive('x', { timeout: -1 }))).toContain(
      'option "timeout" is -1',
    )
    expect(await failure(() => expect(connection).not.toReceive('x', { for: -1 }))).toContain(
      'option "for" is -1',
    )
  })
})

test('toHaveReceived looks at all that came, and counts', async () => {
  const { server, client, connection } = await connected()
  expect(connection).not.toHaveReceived('a')
  for (const text of ['a', 'b', 'a']) client.send(text)
  await server.settled()
  await connection.received.next('b')
  expect(connection).toHaveReceived('a')
  expect(connection).toHaveReceived('a', { times: 2 })
  expect(connection).not.toHaveReceived('a', { times: 1 })
  expect(await failure(() => expect(connection).toHaveReceived('c'))).toMatchInlineSnapshot(`
    "expected to have received 'c', and it never came
      received:
        'a'
        'b'
        'a'"
  `)
  expect(await failure(() => expect(connection).toHaveReceived('b', { times: 2 }))).toMatchInlineSnapshot(`
    "expected to have received 'b' 2 times, and it came once
      received:
        'a'
        'b'
        'a'"
  `)
  expect(await failure(() => expect(connection).not.toHaveReceived('a'))).toMatchInlineSnapshot(`
    "expected not to have received 'a', and it came 2 times
      received:
        'a'
        'b'
        'a'"
  `)
})

test('toClose waits for the end, and looks how it was', async () => {
  const { client, connection } = await connected()
  await expect(connection).not.toClose({}, { timeout: 20 })
  expect(
    await failure(() => expect(connection).toClose({ code: 1000 }, { timeout: 20 })),
  ).toMatchInlineSnapshot(`"expected to close with { code: 1000 }, and it was still open after 20 ms"`)
  client.close(4001, 'tired')
  await expect(connection).toClose()
  await expect(connection).toClose({ code: 4001, reason: /tir/, wasClean: true })
  expect(await failure(() => expect(connection).toClose({ code: 1000 }))).toMatchInlineSnapshot(
    `"expected to close with { code: 1000 }, and it closed with 4001 "tired""`,
  )
  expect(await failure(() => expect(connection).not.toClose())).toMatchInlineSnapshot(
    `"expected not to close, and it closed with 4001 "tired""`,
  )
})

describe('toRefuse', () => {
  test('asks a URL, of whatever server', async () => {
    const { server } = await connected()
    await expect(server.url('/chat')).not.toRefuse()
    await expect(server.url('/other')).toRefuse(404)
    server.refuse('/chat', { status: 429 })
    await expect(server.url('/chat')).toRefuse()
    await expect(server.url('/chat')).toRefuse(429)
    expect(await failure(() => expect(server.url('/chat')).toRefuse(503))).toMatchInlineSnapshot(
      `"expected ws://127.0.0.1:PORT/chat to refuse with 503, and it refused with 429"`,
    )
    expect(await failure(() => expect(server.url('/chat')).not.toRefuse())).toMatchInlineSnapshot(
      `"expected ws://127.0.0.1:PORT/chat not to refuse, and it refused with 429"`,
    )
    await server.reset()
    expect(await failure(() => expect(server.url('/chat')).toRefuse(503))).toMatchInlineSnapshot(
      `"expected ws://127.0.0.1:PORT/chat to refuse with 503, and it opened"`,
    )
  })

  test('fails where nobody is, where nobody answers, and of what is no URL of a WebSocket', async () => {
    const port = await freePort()
    await expect(failure(() => expect(`ws://127.0.0.1:${port}`).toRefuse())).resolves.toMatch(
      /ECONNREFUSED|connect/i,
    )
    expect(await failure(() => expect('http://127.0.0.1/').toRefuse())).toContain(
      'it has to be a ws: or wss: URL',
    )
    const silent = createServer(() => {})
    silent.on('upgrade', () => {})
    await new Promise<void>((resolve) => void silent.listen(port, '127.0.0.1', resolve))
    try {
      expect(
        await failure(() => expect(`ws://127.0.0.1:${port}/`).toRefuse(503, { timeout: 30 })),
      ).toMatchInlineSnapshot(
        `"expected ws://127.0.0.1:PORT/ to refuse with 503, and it did not answer in time"`,
      )
      expect(
        await failure(() => expect(`ws://127.0.0.1:${port}/`).not.toRefuse(503, { timeout: 30 })),
      ).toContain('not to refuse with 503, and it did not answer in time')
    } finally {
      silent.closeAllConnections()
      silent.close()
    }
  })
})
