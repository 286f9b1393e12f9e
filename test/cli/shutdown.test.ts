import { freePort } from '../support/free-port.ts'
import { once } from 'node:events'
import { join } from 'node:path'
import { afterEach, describe, expect, test } from 'vitest'
import { connectWs, within } from '../support/client.ts'
import { RawClient } from '../support/raw-client.ts'
import { Stalls } from '../support/stalls.ts'
import { Cli, DIST, endAll, project, run, serve, TARGETS } from './cli.ts'

afterEach(endAll)

/** The engine waits this long for the answer to a close frame. */
const CLOSE_ANSWER_MS = 2000

const config = (more: string): string => `
  export default {
    ${more}
    wsHandlers: [{
      pattern: '/x',
      heartbeat: 60_000,
      inactivityTimeout: 60_000,
      onConnect: (conn) => conn.send('hello'),
      // More than the system takes for a client that does not read.
      onMessage: (conn) => conn.send(Buffer.alloc(12_000_000)),
      onClose: (conn, code, reason, initiatedByClient) => console.log('onClose', code, initiatedByClient),
    }],
  }`

/** A client that stopped reading while much was on its way: a close waits for it, `closeTimeout` at most. */
async function connectStuck(url: string): Promise<RawClient> {
  const client = await connectSilent(url)
  client.text('send me much')
  await once(client.tcp, 'data')
  client.tcp.pause()
  return client
}

/** A client that takes what comes and never answers. */
async function connectSilent(url: string): Promise<RawClient> {
  const client = await new RawClient(Number(new URL(url).port)).open('/api/x')
  expect(await client.nextText()).toBe('hello')
  return client
}

describe.each(TARGETS)('$runtime', (target) => {
  test.each(['SIGTERM', 'SIGINT'] as const)('%s closes all with 1001 and ends with 0', async (signal) => {
    const cwd = project({ 'sidewire.config.mjs': config('') })
    const args = ['--port', String(await freePort())]
    const cli = serve(cwd, args, target)
    const url = await cli.started()
    const clients = await Promise.all([connectWs(url), connectWs(url), connectWs(url)])
    cli.kill(signal)
    for (const client of clients) expect(await client.closed).toMatchObject({ code: 1001 })
    expect(await cli.exited).toEqual({ code: 0, signal: null })
    expect(cli.stdout.filter((line) => line.startsWith('onClose'))).toEqual(
      Array(3).fill('onClose 1001 false'),
    )
    expect(cli.stderr).toEqual([])
    // The next one may start at once.
    expect(await serve(cwd, args, target).started()).toBe(url)
  })

  test('ends within shutdownTimeout, also when clients never answer or never read; takes nobody meanwhile', async () => {
    const cli = serve(project({ 'sidewire.config.mjs': config('shutdownTimeout: 700,') }), [], target)
    const url = await cli.started()
    const silent = await connectSilent(url)
    await connectStuck(url)
    const polite = await connectWs(url)
    const start = performance.now()
    const stalls = new Stalls()
    cli.kill('SIGTERM')
    expect(await polite.closed).toMatchObject({ code: 1001 })
    await expect(connectWs(url)).rejects.toThrow(/ECONNREFUSED/)
    expect(await silent.nextClose()).toMatchObject({ code: 1001 })
    expect(await cli.exited).toEqual({ code: 0, signal: null })
    expect(performance.now() - start).toBeLessThan(CLOSE_ANSWER_MS + stalls.ms)
    await silent.ended
    // Of those that did not answer, too.
    expect(cli.stdout.filter((line) => line.startsWith('onClose'))).toHaveLength(3)
  })

  test('a second signal ends at once', async () => {
    const cli = serve(project({ 'sidewire.config.mjs': config('shutdownTimeout: 60_000,') }), [], target)
    const url = await cli.started()
    await connectStuck(url)
    const polite = await connectWs(url)
    const start = performance.now()
    const stalls = new Stalls()
    cli.kill('SIGINT')
    expect(await polite.closed).toMatchObject({ code: 1001 })
    cli.kill('SIGTERM')
    expect(await cli.exited).toEqual({ code: 1, signal: null })
    expect(performance.now() - start).toBeLessThan(CLOSE_ANSWER_MS + stalls.ms)
  })

  test('after close() nothing keeps the process', async () => {
    const cwd = project({
      'main.mjs': `
        import { createServer } from ${JSON.stringify(join(DIST, 'index.js'))}
        const handler = { heartbeat: 100, inactivityTimeout: 60_000, onConnect: (conn) => conn.send('hello') }
        const server = await createServer({
          port: 0,
          runtime: '${target.runtime}',
          shutdownTimeout: 300,
          wsHandlers: [
            { ...handler, pattern: '/x' },
            { ...handler, pattern: '/slow', authenticate: () => new Promise(() => {}) },
            { ...handler, pattern: '/delay', delay: 60_000, onMessage() {} },
          ],
        })
        console.log('  ' + server.url + '/api/x')
        console.log('Ctrl-C')
        process.once('SIGTERM', async () => {
          await server.close()
          console.log('closed')
        })`,
    })
    const cli = new Cli([], { cwd, target, script: join(cwd, 'main.mjs') })
    const url = await cli.started()
    const silent = await connectSilent(url)
    const polite = await connectWs(url)
    const delayed = await connectWs(url.replace('/x', '/delay'))
    delayed.send('waits')
    const pending = new RawClient(Number(new URL(url).port))
    const refused = pending.request('/api/slow').catch(() => undefined)
    // Its frames are read in order: whatever was sent before has arrived.
    delayed.ping('there?')
    await delayed.nextPong()
    cli.kill('SIGTERM')
    await cli.line(/^closed$/)
    const closed = performance.now()
    const stalls = new Stalls()
    expect(await within(cli.exited, 'no end of the process')).toEqual({ code: 0, signal: null })
    expect(performance.now() - closed).toBeLessThan(1000 + stalls.ms)
    await Promise.all([silent.ended, polite.closed, delayed.closed, refused, pending.ended])
  })

  test('a server that nobody connected to leaves nothing behind either', async () => {
    const cwd = project({
      'main.mjs': `
        import { createServer } from ${JSON.stringify(join(DIST, 'index.js'))}
        const server = await createServer({ port: 0, runtime: '${target.runtime}', wsHandlers: [{ pattern: '/x' }] })
        await server.close()`,
    })
    expect(await run([], { cwd, target, script: join(cwd, 'main.mjs') })).toMatchObject({
      code: 0,
      stderr: [],
    })
  })
})
