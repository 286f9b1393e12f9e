import { afterEach, beforeEach, expect, it, vi } from 'vitest'
import { advance, Rig } from './rig.ts'

beforeEach(() => void vi.useFakeTimers())
afterEach(() => void vi.useRealTimers())

const COMMAND = JSON.stringify({ to: { pattern: '/x' }, text: 'hello' })
const POST = {
  method: 'POST',
  url: '/.sidewire/send',
  httpVersion: '1.1',
  rawHeaders: ['Host', 'localhost:8787'],
  remoteAddress: '127.0.0.1',
  remotePort: 1,
  encrypted: false,
}

it('leaves no timer behind a command that has come whole', async () => {
  const rig = await Rig.start({ pattern: '/x' }, { control: true })
  const peer = await rig.connect('/x')
  expect(await rig.runtime.request(POST, COMMAND)).toMatchObject({ status: 200, body: '{"receivers":1}' })
  await advance(0)
  expect(peer.seen).toEqual(['hello'])
  expect(vi.getTimerCount()).toBe(0)
})
