// @vitest-environment happy-dom
import { createElement, type ReactElement } from 'react'
import { createRoot } from 'react-dom/client'
import * as hook from 'react-use-websocket'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { WebSocket as Ws } from 'ws'
import { createTestServer, type TestServer } from '../../src/testing/index.ts'
import '../../src/testing/vitest.ts'

type UseWebSocket = (typeof hook.default)['default']

/** A CommonJS package: Node and Vitest do not agree on what its default export is. */
const { default: found } = hook as unknown as {
  readonly default: UseWebSocket & { readonly default?: UseWebSocket }
}
const useWebSocket = found.default ?? found

/** Node 20 has its own behind a flag, and what a page has is happy-dom's: `ws` is the same everywhere. */
const own = globalThis.WebSocket
let server: TestServer
let unmount: () => void
beforeEach(async () => {
  globalThis.WebSocket = Ws as unknown as typeof WebSocket
  server = await createTestServer([{ pattern: '/feed' }])
})
afterEach(async () => {
  unmount?.()
  globalThis.WebSocket = own
  await server.close()
})

function Feed({ url }: { readonly url: string }): ReactElement {
  const { sendJsonMessage, lastJsonMessage } = useWebSocket<{ text?: string } | null>(url, {
    onOpen: () => sendJsonMessage({ type: 'subscribe' }),
    shouldReconnect: () => true,
    reconnectInterval: 5,
  })
  return createElement('p', null, lastJsonMessage?.text ?? 'nothing')
}

test('a handshake is refused with its status, whatever Response the DOM has', async () => {
  server.refuse('/feed', { times: 1, status: 429 })
  const socket = new Ws(server.url('/feed'))
  const status = await new Promise((resolve, reject) => {
    socket.on('unexpected-response', (_request, { statusCode }) => resolve(statusCode))
    socket.on('open', () => reject(new Error('opened')))
    socket.on('error', () => {})
  })
  socket.terminate()
  expect(status).toBe(429)
})

test('a component on react-use-websocket says, hears, and comes back after a drop', async () => {
  const place = document.body.appendChild(document.createElement('div'))
  const root = createRoot(place)
  unmount = () => root.unmount()
  root.render(createElement(Feed, { url: server.url('/feed') }))
  const first = await server.connection()
  await expect(first).toReceive({ type: 'subscribe' })
  first.send({ text: 'hello' })
  await expect.poll(() => place.textContent).toBe('hello')
  server.refuse('/feed', { times: 1 })
  first.drop()
  const second = await server.connection({ n: 2 })
  await expect(second).toReceive({ type: 'subscribe' })
  second.send({ text: 'again' })
  await expect.poll(() => place.textContent).toBe('again')
  expect(server.journal.map(({ kind }) => kind)).toContain('refused')
})
