import { decode, encode } from '@msgpack/msgpack'
import { afterEach, expect, test } from 'vitest'
import { Cli, endAll, installedProject } from '../cli/cli.ts'
import { connectWs } from '../support/client.ts'
import { filesOf, snippet } from './pages.ts'

afterEach(endAll)

const PAGE = 'docs/guide/schemas.md'

// The page, as a project with the libraries that it names.
test('docs/guide/schemas.md: what fits is handed over, what does not is answered or left out', async () => {
  const { 'chat.ts': chat = '', 'places.ts': places = '' } = filesOf(PAGE)
  const folder = installedProject(
    {
      'chat.ts': chat,
      'places.ts': places,
      'strict.ts': snippet(PAGE, 'ts', "'/strict'"),
      'sidewire.config.ts': `
        import { defineConfig } from 'sidewire'
        import { chat } from './chat.ts'
        import { places } from './places.ts'
        import { strict } from './strict.ts'
        export default defineConfig({ wsHandlers: [chat, places, strict] })
      `,
    },
    ['zod', '@msgpack'],
  )
  const cli = new Cli(['serve', '--port', '0'], { cwd: folder })
  const { host } = new URL(await cli.started())
  const client = await connectWs(`ws://${host}/api/chat`)
  client.json({ type: 'join', room: '' })
  client.json({ type: 'join', room: 'a' })
  expect(await client.next()).toEqual({ type: 'joined', room: 'a' })
  client.json({ type: 'say', text: 'hello', loud: true })
  expect(await client.next()).toEqual({ type: 'said', text: 'HELLO' })
  await expect
    .poll(() => cli.stderr.join('\n'))
    .toMatch(/\/chat \(connection .*\): invalid incoming message: room: Too small/)
  const strict = await connectWs(`ws://${host}/api/strict`)
  strict.json({ amount: 'much' })
  expect(await strict.next()).toEqual({ error: 'Invalid input: expected number, received string' })
  const binary = await connectWs(`ws://${host}/api/places`)
  binary.send(encode({ at: [1.5, 2] }))
  expect(decode(await binary.next())).toEqual({ at: [1.5, 2], seen: expect.any(Date) })
})
