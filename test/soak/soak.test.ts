import { spawn } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { describe, expect, it } from 'vitest'
import { NODE_RUNTIME, RUNTIMES } from '../contract/runtimes.ts'

const SOAK = fileURLToPath(new URL('../../scripts/soak.mjs', import.meta.url))

interface Outcome {
  readonly code: number | null
  readonly text: string
}

/** The script as a user runs it, with the server inside Node or Bun. */
function soak(...args: string[]): Promise<Outcome> {
  const child = spawn(process.execPath, [SOAK, ...args], { stdio: ['ignore', 'pipe', 'pipe'] })
  let text = ''
  child.stdout.on('data', (chunk) => (text += String(chunk)))
  child.stderr.on('data', (chunk) => (text += String(chunk)))
  return new Promise((resolve) => {
    child.once('close', (code) => resolve({ code, text }))
  })
}

// Side by side: a soak waits for the most part, and judges what is left, not how fast it was.
describe('the soak run', () => {
  it.concurrent.each(RUNTIMES)('passes 15 seconds on %s', async (runtime) => {
    const { code, text } = await soak('--seconds', '15', '--runtime', runtime)
    expect(text).toContain(`${runtime}: passed`)
    expect(text).toMatch(/lost, duplicated, out of order: +0, 0, 0\n/)
    expect(code).toBe(0)
  })

  it.concurrent.each(RUNTIMES)('passes 15 seconds on %s in front of another server', async (runtime) => {
    const { code, text } = await soak('--seconds', '15', '--runtime', runtime, '--upstream')
    expect(text).toContain(`${runtime}: passed`)
    expect(text).toMatch(/lost, duplicated, out of order: +0, 0, 0\n/)
    expect(text).toMatch(/in front: connections, to the server: +[\d,]{2,}, 0 are left\n/)
    expect(code).toBe(0)
  })

  it.concurrent('fails if a server in front loses a message', async () => {
    const { code, text } = await soak(
      ...['--seconds', '15', '--runtime', NODE_RUNTIME, '--upstream', '--sabotage', 'front'],
    )
    expect(text).toMatch(/round 2: \d+ lost/)
    expect(code).toBe(1)
  })

  it.concurrent.each([
    ['lose', /round 2: \d+ lost/],
    ['repeat', /round 2: \d+ duplicated/],
    ['delay', /round 2: \d+ disordered/],
    ['timer', /handles and timers .* became/],
    ['memory', /the heap grew by \d+ bytes/],
  ])('fails if the server is made to %s', async (sabotage, complaint) => {
    const { code, text } = await soak('--seconds', '15', '--runtime', NODE_RUNTIME, '--sabotage', sabotage)
    expect(text).toMatch(complaint)
    expect(code).toBe(1)
  })
})
