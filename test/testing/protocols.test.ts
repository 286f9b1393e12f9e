import { execute, GraphQLObjectType, GraphQLSchema, GraphQLString, parse, subscribe, validate } from 'graphql'
import { createClient, GRAPHQL_TRANSPORT_WS_PROTOCOL, makeServer } from 'graphql-ws'
import { io } from 'socket.io-client'
import { afterEach, expect, test } from 'vitest'
import { WebSocket as Ws } from 'ws'
import { createTestServer, type TestServer } from '../../src/testing/index.ts'
import '../../src/testing/vitest.ts'

// Clients of protocols on top, against a handler that speaks them: with the protocol's own library, or in a few lines.

const cleanups: (() => unknown)[] = []
afterEach(async () => {
  for (const cleanup of cleanups.splice(0).toReversed()) await cleanup()
})

async function start(...[handlers]: Parameters<typeof createTestServer>): Promise<TestServer> {
  const server = await createTestServer(handlers)
  cleanups.push(() => server.close())
  return server
}

test('graphql-ws: a subscription, and its end', async () => {
  const schema = new GraphQLSchema({
    query: new GraphQLObjectType({ name: 'Query', fields: { hello: { type: GraphQLString } } }),
    subscription: new GraphQLObjectType({
      name: 'Subscription',
      fields: {
        counted: {
          type: GraphQLString,
          subscribe: async function* () {
            for (const counted of ['one', 'two']) yield { counted }
          },
        },
      },
    }),
  })
  // Of one copy of the library: where two are loaded, one knows nothing of the other's types.
  const graphql = makeServer({ schema, parse, validate, execute, subscribe })
  const server = await start([
    {
      pattern: '/graphql',
      raw: true,
      subprotocols: [GRAPHQL_TRANSPORT_WS_PROTOCOL],
      onConnect: (conn) => {
        conn.metadata['closed'] = graphql.opened(
          {
            protocol: conn.subprotocol,
            send: (text) => void conn.send(text),
            close: (code, reason) => conn.close(code, reason),
            onMessage: (take) => (conn.metadata['take'] = take),
          },
          {},
        )
      },
      onMessage: (conn, text) => conn.metadata['take'](String(text)),
      onClose: (conn, code, reason) => conn.metadata['closed'](code, reason),
    },
  ])
  const client = createClient({ url: server.url('/graphql'), webSocketImpl: Ws })
  cleanups.push(() => client.dispose())
  const seen: unknown[] = []
  await new Promise<void>((complete, error) => {
    client.subscribe(
      { query: 'subscription { counted }' },
      { next: ({ data }) => seen.push(data), complete, error },
    )
  })
  expect(seen).toEqual([{ counted: 'one' }, { counted: 'two' }])
  const connection = await server.connection()
  await expect(connection).toReceive(/"connection_init"/)
  await expect(connection).toReceive(/"subscribe"/)
  await client.dispose()
  await expect(connection).toClose({ code: 1000 })
})

test('socket.io: events both ways, an acknowledgement, and a drop', async () => {
  /** The protocol of Engine.IO 4 and Socket.IO 5, as far as one namespace takes it. */
  const server = await start([
    {
      pattern: '/socket.io/',
      raw: true,
      onConnect: (conn) => {
        const timings = { pingInterval: 25_000, pingTimeout: 20_000, maxPayload: 1_000_000 }
        conn.send(`0${JSON.stringify({ sid: conn.id, upgrades: [], ...timings })}`)
      },
      onMessage: (conn, data) => {
        const text = String(data)
        if (text === '40') conn.send(`40${JSON.stringify({ sid: conn.id })}`)
        const [, id, event] = /^42(\d*)(\[.*)$/s.exec(text) ?? []
        if (event === undefined) return
        conn.send(`42${event}`)
        if (id !== '') conn.send(`43${id}["ok"]`)
      },
    },
  ])
  const socket = io(server.url().replace('ws', 'http'), {
    transports: ['websocket'],
    reconnectionDelay: 5,
    reconnectionDelayMax: 5,
  })
  cleanups.push(() => socket.disconnect())
  const heard: unknown[] = []
  socket.on('said', (...args) => heard.push(args))
  const first = await server.connection()
  socket.emit('said', 'hello', { n: 1 })
  await expect(first).toReceive('42["said","hello",{"n":1}]')
  expect(await socket.timeout(5000).emitWithAck('said', 'again')).toBe('ok')
  expect(heard).toEqual([['hello', { n: 1 }], ['again']])
  const ended = new Promise((resolve) => socket.once('disconnect', resolve))
  first.drop()
  expect(await ended).toBe('transport close')
  const second = await server.connection({ n: 2 })
  await expect(second).toReceive('40')
})
