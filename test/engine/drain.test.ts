import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { Rig } from './rig.ts'

beforeEach(() => void vi.useFakeTimers())
afterEach(() => void vi.useRealTimers())

describe('onDrain', () => {
  it('comes when the client has read what waited, and may send more', async () => {
    const amounts: number[] = []
    const rig = await Rig.start({
      pattern: '/x',
      onDrain: (conn) => {
        amounts.push(conn.bufferedAmount)
        conn.send('more')
      },
    })
    const { socket, conn, seen } = await rig.connect('/x')
    conn.send('at once')
    socket.reads = false
    expect(conn.send('waits')).toBe('queued')
    expect(amounts).toEqual([])
    socket.readOn()
    expect(amounts).toEqual([0])
    expect(seen).toEqual(['at once', 'waits', 'more'])
  })

  it('does not come for a client that is let in only to be closed', async () => {
    const onDrain = vi.fn<() => void>()
    const rig = await Rig.start({
      pattern: '/x',
      authenticate: () => ({ success: false, code: 4001 }),
      onDrain,
    })
    const { socket } = await rig.connect('/x')
    socket.readOn()
    expect(onDrain).not.toHaveBeenCalled()
  })

  it('is the one of the handler in service', async () => {
    const calls: string[] = []
    const rig = await Rig.start({ pattern: '/x', onDrain: () => void calls.push('old') })
    const { socket, conn } = await rig.connect('/x')
    socket.reads = false
    conn.send('waits')
    rig.server.reload(rig.options({ pattern: '/x', onDrain: () => void calls.push('new') }))
    socket.readOn()
    expect(calls).toEqual(['new'])
  })
})
