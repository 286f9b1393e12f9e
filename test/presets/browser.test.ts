import { build } from 'esbuild'
import { execute, GraphQLInt, GraphQLObjectType, GraphQLSchema, parse, subscribe, validate } from 'graphql'
import { makeServer } from 'graphql-ws'
import { ws } from 'msw'
import type { Browser } from 'playwright-core'
import { Server as Io } from 'socket.io'
import { afterAll, beforeAll, expect, test } from 'vitest'
import type { Server, UniversalApiWsHandler } from '../../src/index.ts'
import {
  fromMsw,
  graphqlWs,
  jsonRpc,
  phoenix,
  PostgresChanges,
  socketIo,
  supabase,
} from '../../src/presets/presets.ts'
import { NODE_RUNTIME } from '../contract/runtimes.ts'
import { launchChromium } from '../support/chromium.ts'
import { serveThrough } from '../vite/serve-through.ts'
import * as vite8 from 'vite'

// Each protocol's own client in a page of real Chromium, behind real Vite.

const io = new Io()
io.on('connection', (socket) => {
  socket.on('echo', (data: unknown, answer: (data: unknown) => void) => answer(data))
})

const chat = ws.link('wss://chat.example.com/room')
const msw = chat.addEventListener('connection', ({ client }) => {
  client.addEventListener('message', ({ data }) => client.send(data))
})

const schema = new GraphQLSchema({
  query: new GraphQLObjectType({ name: 'Query', fields: { one: { type: GraphQLInt } } }),
  subscription: new GraphQLObjectType({
    name: 'Subscription',
    fields: {
      count: {
        type: GraphQLInt,
        subscribe: async function* () {
          for (let count = 1; count <= 3; count++) yield { count }
        },
      },
    },
  }),
})

const changes = new PostgresChanges()

const HANDLERS: readonly UniversalApiWsHandler[] = [
  {
    pattern: '/page',
    onRequest: () => ({
      headers: { 'Content-Type': 'text/html' },
      body: '<!doctype html><title>page</title>',
    }),
  },
  socketIo(io),
  graphqlWs(makeServer({ schema, parse, validate, execute, subscribe }), { pattern: '/graphql' }),
  jsonRpc({ add: (params) => (params as number[]).reduce((a, b) => a + b) }, { pattern: '/rpc' }),
  phoenix({
    'room:*': { on: { shout: (payload, channel) => channel.broadcast('shout', payload as object) } },
  }),
  supabase({ changes, join: () => setImmediate(() => changes.insert('todos', { id: 1 })) }),
  fromMsw([msw], { baseUrl: 'wss://chat.example.com' }),
]

let browser: Browser
let server: Server
beforeAll(async () => {
  ;[browser, server] = await Promise.all([
    launchChromium(),
    serveThrough(vite8, NODE_RUNTIME, { wsHandlers: [...HANDLERS], logLevel: 'error' }),
  ])
})
afterAll(async () => {
  await browser?.close()
  await server?.close()
  await io.close()
})

/** @param script - a module, which calls `done` with what comes back; `ws` is where the server is */
async function inPage(script: string): Promise<unknown> {
  const { outputFiles } = await build({
    stdin: { contents: script, resolveDir: import.meta.dirname, loader: 'ts' },
    bundle: true,
    write: false,
    logLevel: 'error',
    define: { global: 'globalThis' },
  })
  const page = await browser.newPage()
  const trouble: string[] = []
  page.on('pageerror', (error) => trouble.push(error.message))
  await page.goto(`${server.url.replace('ws', 'http')}/api/page`)
  const result = page.evaluate(
    () =>
      new Promise((resolve) => {
        Object.assign(globalThis, { done: resolve, ws: location.origin.replace('http', 'ws') })
      }),
  )
  await page.addScriptTag({ content: outputFiles[0]!.text })
  const value = await result
  await page.close()
  expect(trouble).toEqual([])
  return value
}

test.each([
  [
    'socket.io-client, which begins with polling',
    `import { io } from 'socket.io-client'
     const socket = io({ tryAllTransports: true })
     socket.on('connect', async () => {
       const bytes = await socket.emitWithAck('echo', new Uint8Array([0, 255]))
       done([socket.io.engine.transport.name, await socket.emitWithAck('echo', 'hi'), [...new Uint8Array(bytes)]])
     })`,
    ['websocket', 'hi', [0, 255]],
  ],
  [
    "MSW's handlers, for a WebSocket of the page",
    `const socket = new WebSocket(ws + '/room')
     socket.onopen = () => socket.send('hello')
     socket.onmessage = ({ data }) => done(data)`,
    'hello',
  ],
  [
    'graphql-ws',
    `import { createClient } from 'graphql-ws'
     const got = []
     createClient({ url: ws + '/api/graphql' }).subscribe(
       { query: 'subscription { count }' },
       { next: ({ data }) => got.push(data.count), error: done, complete: () => done(got) },
     )`,
    [1, 2, 3],
  ],
  [
    'json-rpc-2.0',
    `import { JSONRPCClient } from 'json-rpc-2.0'
     const socket = new WebSocket(ws + '/api/rpc')
     const client = new JSONRPCClient((request) => socket.send(JSON.stringify(request)))
     socket.onmessage = ({ data }) => client.receive(JSON.parse(data))
     socket.onopen = async () => done(await client.request('add', [1, 2]))`,
    3,
  ],
  [
    'phoenix.js',
    `import { Socket } from 'phoenix'
     const socket = new Socket(ws + '/socket')
     socket.connect()
     const channel = socket.channel('room:lobby')
     channel.on('shout', (payload) => done(payload.constructor === ArrayBuffer ? [...new Uint8Array(payload)] : payload))
     channel.join().receive('ok', () => channel.push('shout', new Uint8Array([7, 255]).buffer))`,
    [7, 255],
  ],
  [
    'realtime-js of Supabase',
    `import { RealtimeClient } from '@supabase/realtime-js'
     const client = new RealtimeClient(ws + '/realtime/v1', { params: { apikey: 'anon' } })
     client
       .channel('db')
       .on('postgres_changes', { event: 'INSERT', schema: 'public', table: 'todos' }, ({ new: row }) => done(row))
       .subscribe()`,
    { id: 1 },
  ],
])('%s', async (_name, script, value) => {
  expect(await inPage(script)).toEqual(value)
})
