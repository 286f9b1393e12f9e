import {
  execute,
  GraphQLInt,
  GraphQLNonNull,
  GraphQLObjectType,
  GraphQLSchema,
  GraphQLString,
  parse,
  subscribe,
  validate,
} from 'graphql'
import { createClient, makeServer, type Client, type ClientOptions } from 'graphql-ws'
import { describe, expect, test, vi } from 'vitest'
import { WebSocket } from 'ws'
import { graphqlWs, type GraphqlWsExtra, type GraphqlWsOptions } from '../../src/presets/presets.ts'
import { connectWs, Queue } from '../support/client.ts'
import { defer, PLACES, shakeHands, STANDALONE, untilEmpty, type Started } from './rig.ts'

/** Counters that end when they are told to, and say when they have ended. */
class Counters {
  open = 0
  readonly server: ReturnType<typeof makeServer>
  readonly disconnects: unknown[] = []

  constructor() {
    const open = (by: number): void => void (this.open += by)
    const endless = (): AsyncIterableIterator<unknown> => this.endless()
    const schema = new GraphQLSchema({
      query: new GraphQLObjectType({
        name: 'Query',
        fields: { hello: { type: GraphQLString, resolve: () => 'world' } },
      }),
      mutation: new GraphQLObjectType({
        name: 'Mutation',
        fields: {
          whoami: {
            type: GraphQLString,
            resolve: (_root, _args, extra: GraphqlWsExtra) => `${extra.conn.path} ${extra.request.method}`,
          },
        },
      }),
      subscription: new GraphQLObjectType({
        name: 'Subscription',
        fields: {
          count: {
            type: GraphQLInt,
            args: { to: { type: new GraphQLNonNull(GraphQLInt) } },
            subscribe: async function* (_root, { to }: { to: number }) {
              open(1)
              try {
                for (let count = 1; count <= to; count++) yield { count }
              } finally {
                open(-1)
              }
            },
          },
          endless: {
            type: GraphQLInt,
            subscribe: endless,
          },
        },
      }),
    })
    // Of one copy of the library: where two are loaded, one knows nothing of the other's types.
    this.server = makeServer({
      schema,
      parse,
      validate,
      execute,
      subscribe,
      context: ({ extra }) => extra as never,
      onConnect: ({ connectionParams }) => connectionParams?.['token'] !== 'wrong',
      onDisconnect: (_ctx, code) => void this.disconnects.push(code),
    })
  }

  /** As a broker has them: `return()` ends it at once. */
  endless(): AsyncIterableIterator<unknown> {
    this.open++
    let sent = 0
    let end: (result: IteratorResult<unknown>) => void = () => {}
    const iterator: AsyncIterableIterator<unknown> = {
      [Symbol.asyncIterator]: () => iterator,
      next: () =>
        sent++ === 0
          ? Promise.resolve({ done: false, value: { endless: 1 } })
          : new Promise((resolve) => {
              end = resolve
            }),
      return: async () => {
        this.open--
        end({ done: true, value: undefined })
        return { done: true, value: undefined }
      },
    }
    return iterator
  }
}

function dial({ url }: Started, options: Partial<ClientOptions> = {}): Client {
  const client = createClient({ url: `${url}/api/graphql`, webSocketImpl: WebSocket, ...options })
  // It rejects where the server has gone before.
  defer(async () => {
    await Promise.resolve(client.dispose()).catch(() => {})
  })
  return client
}

/** All that comes, until it is complete. */
async function all(client: Client, query: string): Promise<unknown[]> {
  const got: unknown[] = []
  for await (const { data, errors } of client.iterate({ query })) got.push(errors ?? data)
  return got
}

const handler = ({ server }: Counters, options: Partial<GraphqlWsOptions> = {}) =>
  graphqlWs(server, { pattern: '/graphql', ...options })

describe.each(PLACES)('graphql-ws on $name', ({ start }) => {
  test('queries, mutations, two subscriptions at once, complete from each side', async () => {
    const counters = new Counters()
    const started = await start(handler(counters))
    const client = dial(started)
    expect(await all(client, '{ hello }')).toEqual([{ hello: 'world' }])
    expect(await all(client, 'mutation { whoami }')).toEqual([{ whoami: '/api/graphql GET' }])
    const first = new Queue<unknown>('result')
    const stop = client.subscribe(
      { query: 'subscription { endless }' },
      { next: ({ data }) => first.push(data), error: () => {}, complete: () => first.push('complete') },
    )
    expect(await first.next()).toEqual({ endless: 1 })
    // The other runs to its end while the first is open.
    expect(await all(client, 'subscription { count(to: 3) }')).toEqual([
      { count: 1 },
      { count: 2 },
      { count: 3 },
    ])
    expect(counters.open).toBe(1)
    stop()
    expect(await first.next()).toBe('complete')
    await expect.poll(() => counters.open).toBe(0)
    await expect(all(client, '{ nothing }')).rejects.toMatchObject([
      { message: 'Cannot query field "nothing" on type "Query".' },
    ])
    await client.dispose()
    await untilEmpty(started.server)
    expect(new Set(counters.disconnects)).toEqual(new Set([1000]))
    expect(started.server.stats().handlerErrors).toBe(0)
  })

  test('a client that is lost leaves no subscription, and comes again', async () => {
    const counters = new Counters()
    const started = await start(handler(counters))
    const client = dial(started, { retryWait: async () => {}, retryAttempts: 5 })
    const results = new Queue<unknown>('result')
    client.subscribe(
      { query: 'subscription { endless }' },
      { next: ({ data }) => results.push(data), error: (error) => results.push(error), complete: () => {} },
    )
    await results.next()
    started.server.disconnect('/graphql')
    expect(await results.next()).toEqual({ endless: 1 })
    await expect.poll(() => counters.open).toBe(1)
    await started.server.close()
    expect(counters.open).toBe(0)
    expect(counters.disconnects).toEqual([1006, 1001])
  })

  test('who is refused: another subprotocol, none, another path, onConnect', async () => {
    const started = await start(handler(new Counters()))
    await expect(connectWs(`${started.url}/api/graphql`, { protocols: ['graphql-ws'] })).rejects.toThrow(
      '400',
    )
    expect((await (await connectWs(`${started.url}/api/graphql`)).closed).code).toBe(4406)
    expect((await shakeHands(started, '/api/other')).status).toBe(404)
    const refused = dial(started, { connectionParams: { token: 'wrong' }, retryAttempts: 0 })
    await expect(all(refused, '{ hello }')).rejects.toMatchObject({ code: 4403 })
  })

  test('nonsense ends its own client only, by the codes of the protocol', async () => {
    const started = await start(handler(new Counters()))
    const client = dial(started)
    await all(client, '{ hello }')
    for (const [nonsense, code] of [
      ['nonsense', 4400],
      [Buffer.from([0, 255]), 4400],
      ['{"type":"subscribe","id":"1","payload":{"query":"{hello}"}}', 4401],
    ] as const) {
      const other = await connectWs(`${started.url}/api/graphql`, { protocols: ['graphql-transport-ws'] })
      other.send(nonsense)
      expect((await other.closed).code).toBe(code)
    }
    expect(await all(client, '{ hello }')).toEqual([{ hello: 'world' }])
  })

  test('100 clients', async () => {
    const counters = new Counters()
    const started = await start(handler(counters))
    const clients = Array.from({ length: 100 }, () => dial(started))
    const got = await Promise.all(clients.map((client) => all(client, 'subscription { count(to: 2) }')))
    expect(got).toEqual(clients.map(() => [{ count: 1 }, { count: 2 }]))
    await Promise.all(clients.map(async (client) => client.dispose()))
    await untilEmpty(started.server)
    expect(counters.open).toBe(0)
  })

  test('a hook of the library that fails closes with 4500, and reaches onError', async () => {
    const errors: string[] = []
    const counters = new Counters()
    let message = 'no schema'
    const server = makeServer({
      execute,
      subscribe,
      parse,
      validate,
      schema: () => {
        throw new Error(message)
      },
    })
    counters.server.opened = server.opened
    const started = await start(
      handler(counters, { onError: (_conn, error) => void errors.push(error.message) }),
    )
    const fails = async (reason: string): Promise<void> => {
      const asked = all(dial(started, { retryAttempts: 0 }), '{ hello }')
      const { code, reason: told } = (await asked.catch((error: unknown) => error)) as CloseEvent
      expect([code, told]).toEqual([4500, reason])
    }
    await fails('no schema')
    // A close frame has room for 123 bytes.
    message = 'ä'.repeat(62)
    await fails('Internal server error')
    message = 'the password is 1234'
    vi.stubEnv('NODE_ENV', 'production')
    defer(() => vi.unstubAllEnvs())
    await fails('Internal server error')
    expect(errors).toEqual(['no schema', 'ä'.repeat(62), 'the password is 1234'])
  })
})

test.each(STANDALONE)('a reload on $name: clients come again', async ({ start }) => {
  const before = new Counters()
  const after = new Counters()
  const started = await start(handler(before))
  const client = dial(started, { retryWait: async () => {} })
  const results = new Queue<unknown>('result')
  client.subscribe(
    { query: 'subscription { endless }' },
    { next: ({ data }) => results.push(data), error: (error) => results.push(error), complete: () => {} },
  )
  await results.next()
  started.server.reload({ port: 0, wsHandlers: [handler(after)] })
  expect(await results.next()).toEqual({ endless: 1 })
  expect([before.open, after.open]).toEqual([0, 1])
})

test('what it cannot take is an error at the call', () => {
  const { server } = new Counters()
  expect(() => graphqlWs({} as never, { pattern: '/' })).toThrow('makeServer({ schema }) of graphql-ws')
  expect(() => graphqlWs(server, {} as never)).toThrow('"graphqlWs.pattern" is missing')
  expect(() => graphqlWs(server, { pattern: '/', sequential: true } as never)).toThrow(
    'unknown option "graphqlWs.sequential"',
  )
})
