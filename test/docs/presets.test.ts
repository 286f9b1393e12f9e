import { once } from 'node:events'
import { RealtimeClient } from '@supabase/realtime-js'
import { Client as StompClient } from '@stomp/stompjs'
import { createClient } from 'graphql-ws'
import { JSONRPCClient, JSONRPCServer, JSONRPCServerAndClient } from 'json-rpc-2.0'
import { Socket } from 'phoenix'
import Pusher from 'pusher-js'
import { io } from 'socket.io-client'
import { afterEach, expect, test } from 'vitest'
import { WebSocket } from 'ws'
import { Cli, endAll, installedProject } from '../cli/cli.ts'
import { connectWs, type TestClient } from '../support/client.ts'
import { filesOf, snippetsOf } from './pages.ts'

const PAGE = 'docs/guide/presets.md'

const ends: (() => unknown)[] = []
afterEach(async () => {
  for (const end of ends.splice(0)) await end()
  await endAll()
})

const LIBRARIES = ['socket.io', 'msw', 'graphql', 'graphql-ws']

async function serve(files: Readonly<Record<string, string>>): Promise<string> {
  // MSW takes all paths: it stands last.
  const names = Object.keys(files).toSorted(
    (a, b) => Number(a.startsWith('msw')) - Number(b.startsWith('msw')),
  )
  const imports = names.map((name, index) => `import handler${index} from './${name}'`)
  const list = names.map((_, index) => `handler${index}`).join(', ')
  const config = [
    "import { defineConfig } from 'sidewire'",
    ...imports,
    `export default defineConfig({ wsHandlers: [${list}] })`,
  ]
  const folder = installedProject({ ...files, 'sidewire.config.ts': config.join('\n') }, LIBRARIES)
  const cli = new Cli(['serve', '--port', '0'], { cwd: folder })
  return new URL(await cli.started()).host
}

test('docs/guide/presets.md: every preset, with the client that it is for', async () => {
  const files = filesOf(PAGE)
  expect(Object.keys(files)).toHaveLength(6)
  const host = await serve(files)

  const [one, two] = [0, 1].map(() => io(`http://${host}`, { transports: ['websocket'], forceNew: true }))
  ends.push(
    () => one?.disconnect(),
    () => two?.disconnect(),
  )
  await Promise.all([once(one as never, 'connect'), once(two as never, 'connect')])
  const said = once(two as never, 'said')
  expect(await one!.emitWithAck('say', 'hi')).toEqual({ taken: true })
  expect(await said).toEqual(['hi'])

  const msw = await connectWs(`ws://${host}/rooms/lobby`)
  expect(await msw.next()).toBe('welcome to lobby')
  msw.send('for all')
  expect(await msw.next()).toBe('for all')

  const graphql = createClient({ url: `ws://${host}/api/graphql`, webSocketImpl: WebSocket })
  ends.push(() => graphql.dispose())
  const counts: unknown[] = []
  for await (const { data } of graphql.iterate({ query: 'subscription { countdown(from: 2) }' }))
    counts.push(data)
  expect(counts).toEqual([{ countdown: 2 }, { countdown: 1 }])

  const rpc = new WebSocket(`ws://${host}/api/rpc`)
  const told: unknown[] = []
  const answers = new JSONRPCServer()
  answers.addMethod('confirm', ({ text }: { text: string }) => text)
  for (const name of ['ready', 'opened'])
    answers.addMethod(name, (params: unknown) => void told.push([name, params]))
  const both = new JSONRPCServerAndClient(
    answers,
    new JSONRPCClient((request) => rpc.send(JSON.stringify(request))),
  )
  rpc.on(
    'message',
    (data: Buffer) => void both.receiveAndSend(JSON.parse(data.toString()), undefined, undefined),
  )
  await once(rpc, 'open')
  expect(await both.request('add', [1, 2], undefined)).toBe(3)
  expect(await both.request('open', { path: '/a' }, undefined)).toBe('Open /a?')
  await expect(both.request('open', {}, undefined)).rejects.toMatchObject({ code: -32_602 })
  expect(told).toEqual([
    ['ready', undefined],
    ['opened', { path: '/a' }],
  ])

  const phoenix = new Socket(`ws://${host}/socket`, { transport: WebSocket })
  ends.push(() => phoenix.disconnect())
  phoenix.connect()
  const nobody = phoenix.channel('room:lobby')
  expect(await new Promise((resolve) => nobody.join().receive('error', resolve))).toEqual({
    reason: 'who are you?',
  })
  nobody.leave()
  const room = phoenix.channel('room:lobby', { name: 'ann' })
  const welcome = new Promise((resolve) => room.on('welcome', resolve))
  room.join()
  expect(await welcome).toEqual({ text: 'hello' })
  const heard = new Promise((resolve) => room.on('said', resolve))
  room.push('say', { text: 'hi' })
  expect(await heard).toEqual({ text: 'hi' })
  expect(await new Promise((resolve) => room.push('time', {}).receive('ok', resolve))).toEqual({
    now: expect.any(Number),
  })

  const supabase = new RealtimeClient(`ws://${host}/realtime/v1`, {
    params: { apikey: 'anon' },
    transport: WebSocket as never,
  })
  ends.push(() => supabase.disconnect())
  const row = await new Promise((resolve) => {
    supabase
      .channel('todos')
      .on('postgres_changes', { event: '*', schema: 'public', table: 'todos' }, ({ new: made }) =>
        resolve(made),
      )
      .subscribe()
  })
  expect(row).toEqual({ id: 1, text: 'write it down' })
})

test('docs/guide/presets.md: the handlers for other protocols', async () => {
  const codes = snippetsOf(PAGE).filter(({ code }) => code.includes('export default defineHandler('))
  expect(codes).toHaveLength(4)
  const host = await serve(Object.fromEntries(codes.map(({ code }, index) => [`other${index}.ts`, code])))

  const cable: TestClient = await connectWs(`ws://${host}/cable`, { protocols: ['actioncable-v1-json'] })
  expect(await cable.next()).toEqual({ type: 'welcome' })
  const identifier = '{"channel":"ChatChannel"}'
  cable.json({ command: 'subscribe', identifier })
  expect(await cable.next()).toEqual({ type: 'confirm_subscription', identifier })
  cable.json({ command: 'message', identifier, data: '{"action":"speak"}' })
  expect(await cable.next()).toEqual({ identifier, message: { action: 'speak' } })

  const negotiated = await fetch(`http://${host}/hub/chat/negotiate?negotiateVersion=1`, { method: 'POST' })
  expect(await negotiated.json()).toMatchObject({ availableTransports: [{ transport: 'WebSockets' }] })
  const hub = await connectWs(`ws://${host}/hub/chat`)
  hub.send('{"protocol":"json","version":1}\u001E')
  expect(await hub.next()).toBe('{}\u001E')
  hub.send('{"type":6}\u001E{"type":1,"invocationId":"0","target":"say","arguments":["hi"]}\u001E')
  expect([await hub.next(), await hub.next(), await hub.next()]).toEqual([
    '{"type":6}\u001E',
    '{"type":1,"target":"say","arguments":["hi"]}\u001E',
    '{"type":3,"invocationId":"0","result":null}\u001E',
  ])

  const { hostname, port } = new URL(`http://${host}`)
  // Its types are those of a module, and what is loaded is the class.
  const PusherClient = Pusher as unknown as typeof Pusher.default
  const pusher = new PusherClient('key', {
    cluster: '',
    wsHost: hostname,
    wsPort: Number(port),
    forceTLS: false,
    enabledTransports: ['ws'],
  })
  ends.push(() => pusher.disconnect())
  const channel = pusher.subscribe('news')
  await new Promise((resolve) => channel.bind('pusher:subscription_succeeded', resolve))
  const other = await connectWs(`ws://${host}/app/key?protocol=7`)
  expect(await other.next()).toMatchObject({ event: 'pusher:connection_established' })
  other.json({ event: 'pusher:subscribe', data: { channel: 'news' } })
  await other.next()
  const typed = new Promise((resolve) => channel.bind('client-typing', resolve))
  other.json({ event: 'client-typing', channel: 'news', data: { by: 'ann' } })
  expect(await typed).toEqual({ by: 'ann' })

  const stomp = new StompClient({
    webSocketFactory: () => new WebSocket(`ws://${host}/api/stomp`, ['v12.stomp']) as never,
  })
  ends.push(() => stomp.deactivate())
  await new Promise<void>((resolve) => {
    stomp.onConnect = () => resolve()
    stomp.activate()
  })
  const message = new Promise((resolve) => stomp.subscribe('/topic/a', ({ body }) => resolve(body)))
  stomp.publish({ destination: '/topic/a', body: 'hello' })
  expect(await message).toBe('hello')
})
