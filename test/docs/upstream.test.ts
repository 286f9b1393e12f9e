import { afterEach, expect, test } from 'vitest'
import { Cli, endAll, installedProject } from '../cli/cli.ts'
import { Backend } from '../support/backend.ts'
import { connectWs } from '../support/client.ts'
import { filesOf } from './pages.ts'

afterEach(endAll)

// The page, in front of a backend.
test('docs/guide/upstream.md answers a question itself, and marks, drops and passes the rest', async () => {
  const backend = await Backend.start()
  try {
    const { 'sidewire.config.ts': config = '' } = filesOf('docs/guide/upstream.md')
    expect(config).toContain("'ws://localhost:4000/")
    const folder = installedProject({
      'sidewire.config.ts': config.replace('ws://localhost:4000', backend.url),
    })
    const cli = new Cli(['serve', '--port', '0'], { cwd: folder })
    const { host } = new URL(await cli.started())
    const client = await connectWs(`ws://${host}/orders/7?room=1`)
    const connection = await backend.connections.next()
    expect(connection.request.url).toBe('/v1/orders/7?room=1')
    client.json({ type: 'price' })
    expect(await client.next()).toEqual({ type: 'price', value: 42 })
    client.json({ type: 'buy', id: 1 })
    expect(await connection.messages.next()).toBe('{"type":"buy","id":1,"test":true}')
    client.send('{"type" : "else", "n":12345678901234567890}')
    expect(await connection.messages.next()).toBe('{"type" : "else", "n":12345678901234567890}')
    connection.send('{"type":"advert"}')
    connection.send('{"type":"filled"}')
    expect(await client.next()).toEqual({ type: 'filled' })
    connection.close(4009, 'sold out')
    expect(await client.closed).toEqual({ code: 4009, reason: 'sold out' })
  } finally {
    backend.close()
  }
})
