import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { connectWs } from '../support/client.ts'
import { link, npm, packed, RUNS, ViteProcess } from './installation.ts'
import { write } from './rig.ts'

const CONFIG = `
import { defineConfig } from 'vite'
import { universalApi, type UniversalApiWsHandler } from 'sidewire'
const chat: UniversalApiWsHandler = {
  pattern: '/ws/chat/{room}',
  onConnect: (conn) => void conn.joinRoom(conn.params.room!),
  onMessage: (conn, data) => void conn.broadcast(data, { rooms: conn.getRooms() }),
}
export default defineConfig({ plugins: [universalApi({ endpointPrefix: '/api', enableWs: true, wsHandlers: [chat] })] })
`

/** As a user does it: npm installs the tarball, and finds its dependencies itself. */
describe('the tarball, installed by npm', () => {
  let root = ''
  beforeAll(() => {
    root = mkdtempSync(join(tmpdir(), 'sidewire-package-'))
    write(root, 'package.json', '{ "type": "module", "private": true }')
    write(root, 'index.html', '<!doctype html><title>chat</title>')
    write(root, 'vite.config.ts', CONFIG)
    npm(root, 'install', '--prefer-offline', '--no-audit', '--no-fund', packed().tarball)
  }, 120_000)
  afterAll(() => rmSync(root, { recursive: true, force: true, maxRetries: 5 }))

  test('npx finds the command', () => {
    const { version } = JSON.parse(readFileSync(join(packed().content, 'package.json'), 'utf8')) as {
      version: string
    }
    expect(npm(root, 'exec', '--no', '--', 'sidewire', '--version').trim()).toBe(version)
  })

  test.each(RUNS)('two clients chat through $name', async ({ folder, program }) => {
    link(root, 'vite', folder)
    const vite = await ViteProcess.start(root, [...program])
    expect(vite.output).toContain(program.length > 1 ? 'sidewire: runtime bun' : 'sidewire: runtime uws')
    const page = await fetch(`http://127.0.0.1:${vite.port}/`)
    expect(await page.text()).toContain('<title>chat</title>')
    const [ada, bob, eve] = await Promise.all(
      ['blue', 'blue', 'red'].map((room) => connectWs(`${vite.url}/api/ws/chat/${room}`)),
    )
    ada!.json({ text: 'hello' })
    expect(await bob!.next()).toEqual({ text: 'hello' })
    bob!.json({ text: 'hello yourself' })
    expect(await ada!.next()).toEqual({ text: 'hello yourself' })
    await vite.stop()
    expect(await eve!.closed).toMatchObject({ code: 1001 })
    expect(vite.output).not.toMatch(/error/i)
  })
})
