import { http as http2, ws as ws2 } from 'msw'
import { http, ws } from 'msw3'
import { describe, expect, test } from 'vitest'
import { fromMsw } from '../../src/presets/presets.ts'
import { Backend } from '../support/backend.ts'
import { connectNative, connectWs, type TestClient } from '../support/client.ts'
import { defer, PLACES, shakeHands, STANDALONE, untilEmpty } from './rig.ts'

/** What MSW's own documentation shows, and what somebody has in `handlers.ts`. */
function handlersOf(msw: { ws: typeof ws; http: typeof http }, seen: unknown[] = []) {
  const chat = msw.ws.link('wss://chat.example.com/rooms/:room')
  return {
    chat,
    handlers: [
      msw.http.get('/user', () => new Response()),
      chat.addEventListener('connection', ({ client, params, info }) => {
        client.send(`welcome to ${String(params['room'])} ${JSON.stringify(info.protocols)}`)
        client.addEventListener('message', (event) => {
          if (event.data === 'all') chat.broadcast('for all')
          else if (event.data === 'others') chat.broadcastExcept(client, 'for others')
          else if (event.data === 'end') client.close(4001, 'as asked')
          else if (event.data === 'throw') throw new Error('a listener failed')
          else client.send(event.data)
        })
        client.addEventListener('close', ({ code, reason }) => seen.push([code, reason]))
      }),
    ],
  }
}

const VERSIONS = [
  { version: 'MSW 3', msw: { ws, http } },
  { version: 'MSW 2', msw: { ws: ws2, http: http2 } as unknown as { ws: typeof ws; http: typeof http } },
]

const dial = async (url: string, protocols?: string[]): Promise<TestClient> => {
  const client = await connectWs(url, protocols ? { protocols } : {})
  defer(() => client.terminate())
  return client
}

describe.each(VERSIONS)('$version', ({ msw }) => {
  test.each(PLACES)('handlers run unchanged on $name', async ({ start }) => {
    const seen: unknown[] = []
    const { handlers } = handlersOf(msw, seen)
    const errors: string[] = []
    const started = await start(
      fromMsw(handlers, {
        baseUrl: 'wss://chat.example.com',
        onError: (_conn, error) => void errors.push(error.message),
      }),
    )
    const path = `${started.url}/rooms/lobby`
    const one = await dial(path, ['v1', 'v2'])
    expect(one.protocol).toBe('v1')
    expect(await one.next()).toBe('welcome to lobby ["v1","v2"]')
    const two = await connectNative(path)
    expect(await two.next()).toBe('welcome to lobby []')
    two.send('text')
    expect(await two.next()).toBe('text')
    two.send(new Uint8Array([0, 255]))
    expect(await two.next()).toEqual(Buffer.from([0, 255]))
    one.send('all')
    expect([await one.next(), await two.next()]).toEqual(['for all', 'for all'])
    one.send('others')
    expect(await two.next()).toBe('for others')
    one.send('throw')
    one.send('still here')
    expect(await one.next()).toBe('still here')
    expect(errors).toEqual(['a listener failed'])
    two.send('end')
    expect(await two.closed).toEqual({ code: 4001, reason: 'as asked' })
    one.close(4002, 'by the client')
    await untilEmpty(started.server)
    await expect
      .poll(() => seen)
      .toEqual([
        [4001, 'as asked'],
        [4002, 'by the client'],
      ])
    // MSW keeps who has gone, and sends there.
    expect((await shakeHands(started, '/rooms/a/b')).status).toBe(404)
    expect((await shakeHands(started, '/rooms')).body).toContain(
      'No handler of MSW is for wss://chat.example.com/rooms',
    )
  })

  test.each(PLACES)('100 clients on $name; the server closes', async ({ start }) => {
    const { chat, handlers } = handlersOf(msw)
    const started = await start(fromMsw(handlers, { baseUrl: 'wss://chat.example.com' }))
    const clients = await Promise.all(Array.from({ length: 100 }, () => dial(`${started.url}/rooms/1`)))
    await Promise.all(clients.map((client) => client.next()))
    chat.broadcast('for all')
    expect(new Set(await Promise.all(clients.map((client) => client.next())))).toEqual(new Set(['for all']))
    await started.server.close()
    expect((await clients[0]!.closed).code).toBe(1001)
  })

  test.each(PLACES)('the real server behind it on $name', async ({ start }) => {
    const backend = await Backend.start()
    defer(() => backend.close())
    const link = msw.ws.link(`${backend.url}/real`)
    const handlers = [
      link.addEventListener('connection', ({ client, server }) => {
        server.connect()
        client.addEventListener('message', (event) => {
          if (event.data === 'mocked') {
            event.preventDefault()
            client.send('by MSW')
          }
          if (event.data === 'twice') server.send('once more')
        })
        server.addEventListener('message', (event) => {
          if (event.data === 'secret') {
            event.preventDefault()
            client.send('***')
          }
        })
      }),
    ]
    const started = await start(fromMsw(handlers, { baseUrl: backend.url, upstream: true }))
    const [client, real] = await Promise.all([
      dial(`${started.url}/real?token=1`),
      backend.connections.next(),
    ])
    expect(real.request.url).toBe('/real?token=1')
    real.send('hello')
    expect(await client.next()).toBe('hello')
    real.send('secret')
    expect(await client.next()).toBe('***')
    client.send('mocked')
    expect(await client.next()).toBe('by MSW')
    client.send('twice')
    expect([await real.messages.next(), await real.messages.next()]).toEqual(['once more', 'twice'])
    real.close(4003, 'by the real one')
    expect(await client.closed).toEqual({ code: 4003, reason: 'by the real one' })
  })

  test.each(PLACES)('what cannot be is said: $name', async ({ start }) => {
    const link = msw.ws.link('*')
    const errors: string[] = []
    const started = await start(
      fromMsw([link.addEventListener('connection', ({ server }) => server.connect())], {
        pattern: '/msw/**',
        onError: (_conn, error) => void errors.push(error.message),
      }),
    )
    expect((await (await dial(`${started.url}/msw/a`)).closed).code).toBe(1011)
    expect(errors).toEqual([expect.stringContaining('upstream: true')])
  })

  test.each(PLACES)(
    "an async listener of 'connection' that fails ends its client only: $name",
    async ({ start }) => {
      const link = msw.ws.link('*/rooms/:room')
      const errors: string[] = []
      const listening = link.addEventListener('connection', async ({ client, params }) => {
        client.send('hello')
        client.addEventListener('message', ({ data }) => client.send(data))
        await Promise.resolve()
        if (params['room'] === 'bad') throw new Error('the database is not there')
        // What never ends holds nothing up.
        await new Promise(() => {})
      })
      const onError = (_conn: unknown, error: Error): void => void errors.push(error.message)
      // Two handlers of one list, as where a config is read again.
      const started = await start(
        fromMsw([listening], { pattern: '/rooms/bad', onError }),
        fromMsw([listening], { onError }),
      )
      const good = await dial(`${started.url}/rooms/good`)
      expect(await good.next()).toBe('hello')
      const bad = await dial(`${started.url}/rooms/bad`)
      expect(await bad.next()).toBe('hello')
      expect((await bad.closed).code).toBe(1011)
      await expect.poll(() => errors).toEqual(['the database is not there'])
      expect(started.server.stats().handlerErrors).toBe(1)
      good.send('still here')
      expect(await good.next()).toBe('still here')
      expect((await shakeHands(started, '/mistyped')).body).toMatch(
        /No handler of MSW is for ws:\/\/.*\/mistyped, and no other handler is: fromMsw\(\) takes all paths/,
      )
    },
  )

  test.each(STANDALONE)('a reload on $name: clients come again', async ({ start }) => {
    const started = await start(fromMsw(handlersOf(msw).handlers, { baseUrl: 'wss://chat.example.com' }))
    const client = await dial(`${started.url}/rooms/1`)
    started.server.reload({
      port: 0,
      wsHandlers: [fromMsw(handlersOf(msw).handlers, { baseUrl: 'wss://chat.example.com' })],
    })
    expect(await client.closed).toEqual({ code: 1012, reason: 'The handler was reloaded' })
    const again = await dial(`${started.url}/rooms/1`)
    expect(await again.next()).toBe('welcome to 1 []')
  })
})

test('what it cannot take is an error at the call', () => {
  const link = ws.link('*').addEventListener('connection', () => {})
  expect(() => fromMsw([])).toThrow(
    "with what ws.link(url).addEventListener('connection', ...) returns in it",
  )
  expect(() => fromMsw([http.get('/', () => new Response())])).toThrow('ws.link')
  expect(() => fromMsw([link], { baseUrl: 'chat.example.com' })).toThrow(
    '"fromMsw.baseUrl" is "chat.example.com"',
  )
  expect(() => fromMsw([link], { baseUrl: 'wss://chat.example.com/v1' })).toThrow('without a path')
  expect(() => fromMsw([link], { upstream: true })).toThrow('"fromMsw.baseUrl" is missing')
  expect(() => fromMsw([link], { baseUrl: 'ws://a', upstream: { url: 'ws://x' } as never })).toThrow(
    '"fromMsw.upstream.url" is "ws://x"; it has to be left out: the real server is at baseUrl',
  )
  expect(() => fromMsw([link], { upstream: 'ws://x' as never })).toThrow('without its url')
})
