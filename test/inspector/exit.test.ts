import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { expect, test } from 'vitest'
import { NODE_RUNTIMES } from '../contract/runtimes.ts'

const BUILT = new URL('../../dist/index.js', import.meta.url).href

test.each(NODE_RUNTIMES)(
  'a program ends with its server on %s, though a page has looked',
  async (runtime) => {
    const program = `
    import { createServer } from ${JSON.stringify(BUILT)}
    const server = await createServer({ port: 0, inspector: true, runtime: '${runtime}', wsHandlers: [{ pattern: '/x' }] })
    const url = server.url.replace('ws', 'http')
    const body = JSON.stringify({ after: 0, wait: 0, limit: 1 })
    const { status } = await fetch(url + '/.sidewire/page/watch', { method: 'POST', headers: { Origin: url }, body })
    await server.close()
    console.log(status)`
    const child = spawn(process.execPath, ['--input-type=module', '-e', program], {
      stdio: ['ignore', 'pipe', 'inherit'],
    })
    const [closedWith] = (await once(child.stdout, 'data')) as [Buffer]
    expect(closedWith.toString()).toBe('200\n')
    const closedAt = performance.now()
    expect(await once(child, 'exit')).toEqual([0, null])
    // Half of what it was kept for by a timer.
    expect(performance.now() - closedAt).toBeLessThan(5000)
  },
)
