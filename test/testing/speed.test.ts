import { once } from 'node:events'
import { expect, test } from 'vitest'
import { WebSocket as Ws } from 'ws'
import { createTestServer } from '../../src/testing/index.ts'

test('100 servers, each with a client, a message and an end, one after the other', async () => {
  const times: number[] = []
  for (let n = 0; n < 100; n++) {
    const started = performance.now()
    const server = await createTestServer([{ pattern: '/feed' }])
    const socket = new Ws(server.url('/feed'))
    await once(socket, 'open')
    socket.send('hello')
    await (await server.connection()).received.next('hello')
    socket.close()
    await once(socket, 'close')
    await server.close()
    times.push(performance.now() - started)
  }
  const median = times.toSorted((a, b) => a - b)[50] ?? Infinity
  expect(median).toBeLessThan(20)
  expect(times.reduce((sum, each) => sum + each, 0)).toBeLessThan(3000)
})
