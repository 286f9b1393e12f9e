import { execFile } from 'node:child_process'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { Worker } from 'node:worker_threads'
import { afterAll, describe, expect, test } from 'vitest'
import { NODE_RUNTIME } from '../contract/runtimes.ts'
import { within } from '../support/client.ts'

const onBun = process.versions['bun'] !== undefined
const PACKAGE = new URL('../../dist/index.js', import.meta.url).href
const WS = new URL('../../node_modules/ws/wrapper.mjs', import.meta.url).href

interface Told {
  readonly runtime: string
  readonly log: readonly string[]
  readonly forced: { readonly code?: string; readonly message?: string }
}

describe('a worker thread that ends before its server is closed', () => {
  // A process that aborts would take this one along.
  test.each(['exit', 'throw', 'terminate'])('by %s leaves the process alone', async (end) => {
    const worker = new Worker(new URL('worker-server.mjs', import.meta.url), {
      workerData: { package: PACKAGE, end },
    })
    worker.on('error', ({ message }) => expect(message).toContain('on purpose'))
    const ended = new Promise<void>((done) => worker.once('exit', () => done()))
    const told = await within(
      new Promise<Told>((done) => worker.once('message', (value: Told) => done(value))),
      'the worker said nothing',
    )
    if (end === 'terminate') await worker.terminate()
    await within(ended, 'the worker did not end')
    expect(told.runtime).toBe(onBun ? 'bun' : 'ws')
    expect(told.forced.code).toBe('ERR_RUNTIME')
    if (onBun) return
    expect(told.forced.message).toContain('this is a worker thread')
    expect(told.log).toEqual([expect.stringMatching(/this is a worker thread.*ws serves instead.*forks/)])
  })
})

describe('Vitest', () => {
  const folder = mkdtempSync(join(tmpdir(), 'sidewire-pools-'))
  afterAll(() => rmSync(folder, { recursive: true, force: true }))

  test.each(['threads', 'vmThreads', 'forks'])(
    'with --pool=%s ends with its report, though nobody closes',
    async (pool) => {
      for (const name of ['a', 'b'])
        writeFileSync(
          join(folder, `${name}.test.mjs`),
          `import { createServer } from ${JSON.stringify(PACKAGE)}
           import { WebSocket } from ${JSON.stringify(WS)}
           test('connects', async () => {
             const server = await createServer({ port: 0, logLevel: 'error', wsHandlers: [{ pattern: '/a' }] })
             const client = new WebSocket(server.url + '/api/a')
             await new Promise((resolve) => client.once('open', resolve))
             console.log('served by ' + server.runtime)
           })`,
        )
      const vitest = fileURLToPath(new URL('../../node_modules/vitest/vitest.mjs', import.meta.url))
      const args = [
        ...(onBun ? ['--bun'] : []),
        vitest,
        'run',
        '--root',
        folder,
        '--globals',
        `--pool=${pool}`,
      ]
      const { stdout } = await promisify(execFile)(process.execPath, args, { cwd: folder })
      expect(stdout).toMatch(/Test Files .*2 passed/)
      const runtime = onBun ? 'bun' : pool === 'forks' ? NODE_RUNTIME : 'ws'
      expect(stdout.match(/served by \w+/g)).toEqual([`served by ${runtime}`, `served by ${runtime}`])
    },
  )
})
