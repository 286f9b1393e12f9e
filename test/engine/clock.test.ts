import { once } from 'node:events'
import { connect, createServer, type AddressInfo, type Socket } from 'node:net'
import { describe, expect, it } from 'vitest'
import { systemClock } from '../../src/engine/clock.ts'

/** Both ends of a TCP connection. */
async function pair(): Promise<[Socket, Socket]> {
  const server = createServer()
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const client = connect((server.address() as AddressInfo).port, '127.0.0.1')
  const [[accepted]] = await Promise.all([once(server, 'connection'), once(client, 'connect')])
  server.close()
  return [client, accepted as Socket]
}

function block(ms: number): void {
  const end = performance.now() + ms
  while (performance.now() < end);
}

describe('the clock of the platform', () => {
  it.each(['after', 'every'] as const)('%s: what is late lets the loop read first', async (kind) => {
    const [here, there] = await pair()
    const order: string[] = []
    there.on('data', () => order.push('data'))
    // From here on, the loop reads only after it has looked at its timers.
    await new Promise(setImmediate)
    const ran = new Promise<void>((resolve) => {
      const timer = systemClock[kind](10, () => {
        order.push('timer')
        timer.cancel()
        resolve()
      })
    })
    here.write('x')
    block(50)
    await ran
    expect(order).toEqual(['data', 'timer'])
    for (const socket of [here, there]) socket.destroy()
  })

  it.each(['after', 'every'] as const)('%s: cancelled while the loop reads, nothing runs', async (kind) => {
    const [here, there] = await pair()
    const ran: string[] = []
    const read = once(there, 'data')
    await new Promise(setImmediate)
    const timer = systemClock[kind](10, () => void ran.push('timer'))
    there.once('data', () => timer.cancel())
    here.write('x')
    block(50)
    await read
    // Set later than the one that was cancelled, and so behind it.
    await new Promise<void>((resolve) => void systemClock.after(0, resolve))
    expect(ran).toEqual([])
    for (const socket of [here, there]) socket.destroy()
  })
})
