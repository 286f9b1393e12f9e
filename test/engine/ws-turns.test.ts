import { PassThrough } from 'node:stream'
import { expect, it } from 'vitest'
import { heldBack, takeTurns } from '../../src/runtime/node/ws-turns.ts'

const nextTurn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve))

/** A socket with more to read than it may in a turn. */
function flooded(): { socket: PassThrough; seen: () => number } {
  const socket = new PassThrough({ highWaterMark: 2 ** 20 })
  takeTurns(socket)
  let bytes = 0
  socket.on('data', (slice: Buffer) => {
    bytes += slice.length
    const end = performance.now() + 2
    while (performance.now() < end);
  })
  socket.push(Buffer.alloc(16 * 4096))
  return { socket, seen: () => bytes }
}

it('what is left when the time of a socket is up is read in the next turns', async () => {
  const { socket, seen } = flooded()
  expect(seen()).toBeLessThan(16 * 4096)
  expect(socket.isPaused()).toBe(true)
  for (let turn = 0; turn < 16; turn++) await nextTurn()
  expect(seen()).toBe(16 * 4096)
})

it('a socket that is held back between two of its turns stays so', async () => {
  const { socket, seen } = flooded()
  heldBack.add(socket)
  socket.pause()
  const before = seen()
  for (let turn = 0; turn < 16; turn++) await nextTurn()
  expect(seen()).toBe(before)
  heldBack.delete(socket)
  socket.resume()
  for (let turn = 0; turn < 16; turn++) await nextTurn()
  expect(seen()).toBe(16 * 4096)
})
