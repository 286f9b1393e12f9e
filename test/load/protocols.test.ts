import { createServer, type Server as HttpServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { execute, GraphQLObjectType, GraphQLSchema, GraphQLString, parse, subscribe, validate } from 'graphql'
import { useServer } from 'graphql-ws/use/ws'
import { Server } from 'socket.io'
import { afterEach, describe, expect, it } from 'vitest'
import { WebSocketServer, type WebSocket } from 'ws'
import { bench } from './bench.ts'
import { start } from './server-of-test.ts'

const cleanups: (() => unknown)[] = []
afterEach(async () => {
  for (const cleanup of cleanups.splice(0).toReversed()) await cleanup()
})

const SHORT = ['--duration', 1, '--warmup', 0, '--connections', 4] as const

async function listen(http: HttpServer): Promise<string> {
  await new Promise<void>((resolve) => http.listen(0, '127.0.0.1', resolve))
  return `ws://127.0.0.1:${(http.address() as AddressInfo).port}/`
}

describe('socket.io', () => {
  /** Pings so often that who does not answer is gone within the run. */
  async function startSocketIo() {
    const http = createServer()
    const io = new Server(http, { pingInterval: 150, pingTimeout: 300 })
    const said: unknown[] = []
    io.on('connection', (socket) => {
      socket.on('message', (data: unknown, answer: (data: unknown) => void) => {
        said.push(data)
        answer(data)
      })
      socket.on('say', (data: unknown) => socket.emit('said', data))
    })
    cleanups.push(() => io.close())
    return { url: await listen(http), said }
  }

  it('is spoken with its own server: acknowledgements are the replies, and pings are answered', async () => {
    const { url, said } = await startSocketIo()
    const args = ['--protocol', 'socket.io', '--window', 4, '--size', 100, '--expect', 'dropped==0', ...SHORT]
    const { report, code, stderr } = await bench(url, args)
    expect(stderr).toBe('')
    expect(report.messages).toMatchObject({ lost: 0, duplicated: 0, outOfOrder: 0, sent: said.length })
    expect(report.messages.sent).toBeGreaterThan(50)
    expect(report.connections).toEqual({ opened: 4, refused: 0, dropped: 0 })
    expect(code).toBe(0)
  })

  it('carries a script, which gets what the server says by itself, and idle connections', async () => {
    const { url } = await startSocketIo()
    const script = `export default {
      next: (client, n) => ['say', { n }],
      onMessage: (client, data) => JSON.parse(data)[1].n,
    }`
    const said = await bench(
      url,
      ['script', 'say.mjs', '--protocol', 'socket.io', '--duration', 0.3, '--warmup', 0],
      {
        files: { 'say.mjs': script },
      },
    )
    expect(said.report.messages).toMatchObject({ lost: 0, received: said.report.messages.sent })
    expect(said.report.messages.sent).toBeGreaterThan(20)
    const idle = await bench(url, ['idle', '--protocol', 'socket.io', ...SHORT])
    expect(idle.report.connections).toEqual({ opened: 4, refused: 0, dropped: 0 })
    expect(idle.code).toBe(0)
  })

  it('says of a server that speaks something else what it waited for', async () => {
    const { stderr, code } = await bench(await start(), [
      '--protocol',
      'socket.io',
      '--timeout',
      0.3,
      ...SHORT,
    ])
    expect(stderr).toContain(
      '4 of 4 connections were not greeted within 0.3 s; does the server speak socket.io there? (ERR_LOAD)',
    )
    expect(code).toBe(1)
  })
})

describe('graphql-ws', () => {
  it('is spoken with its own server: the first result is the reply, and a subscription is told to end', async () => {
    const http = createServer()
    const pongs: string[] = []
    async function* ticks(): AsyncGenerator<{ tick: string }> {
      yield { tick: 'a' }
      yield { tick: 'b' }
      yield { tick: 'c' }
    }
    const schema = new GraphQLSchema({
      query: new GraphQLObjectType({
        name: 'Query',
        fields: { hello: { type: GraphQLString, resolve: () => 'world' } },
      }),
      subscription: new GraphQLObjectType({
        name: 'Subscription',
        fields: { tick: { type: GraphQLString, subscribe: ticks } },
      }),
    })
    const wss = new WebSocketServer({ server: http, path: '/graphql' })
    wss.on('connection', (ws: WebSocket) => {
      ws.on('message', (data: Buffer) => {
        if (data.toString().includes('"pong"')) pongs.push(data.toString())
        if (data.toString().includes('connection_init')) setImmediate(() => ws.send('{"type":"ping"}'))
      })
    })
    const server = useServer({ schema, parse, validate, execute, subscribe }, wss)
    cleanups.push(
      () => http.close(),
      () => server.dispose(),
    )
    const url = new URL('/graphql', await listen(http)).href
    const query = await bench(url, ['--protocol', 'graphql-ws', '--window', 3, ...SHORT])
    expect(query.stderr).toBe('')
    expect(query.report.messages).toMatchObject({
      lost: 0,
      duplicated: 0,
      received: query.report.messages.sent,
    })
    expect(query.report.messages.sent).toBeGreaterThan(50)
    expect(pongs).toHaveLength(4)
    expect(query.code).toBe(0)

    const message = '{"query":"subscription { tick }"}'
    const ticked = await bench(url, ['--protocol', 'graphql-ws', '--message', message, ...SHORT])
    expect(ticked.report.messages).toMatchObject({ lost: 0, duplicated: 0, unexpected: 0 })
    expect(ticked.code).toBe(0)

    const wrong = await bench(url, [
      '--protocol',
      'graphql-ws',
      '--message',
      '{"query":"{ gone }"}',
      ...SHORT,
    ])
    expect(wrong.stderr).toMatch(/graphql-ws: the server answered an operation with .*Cannot query field/)
    expect(wrong.code).toBe(1)
  })
})

it.for([
  [['--protocol', 'mqtt'], "argument 'mqtt' is invalid. Allowed choices are socket.io, graphql-ws"],
  [
    ['fanout', '--protocol', 'socket.io'],
    'a protocol is spoken in echo, script, idle only, and this is fanout',
  ],
  [['--protocol', 'socket.io', '--message', 'hi'], 'option "--message" is "hi"; socket.io takes JSON'],
] as const)('%s is told', async ([args, message]) => {
  const { stderr, code } = await bench('ws://127.0.0.1:1/', args)
  expect(stderr).toContain(message)
  expect(code).toBe(2)
})
