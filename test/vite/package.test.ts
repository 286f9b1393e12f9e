import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { Cli, endAll, TARGETS } from '../cli/cli.ts'
import { NODE_RUNTIME } from '../contract/runtimes.ts'
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

/** TypeScript, so that esbuild has to work. */
const SERVE_CONFIG = `
import { defineConfig, type UniversalApiWsHandler } from 'sidewire'
const echo: UniversalApiWsHandler = { pattern: '/ws/echo', onMessage: (conn, data) => void conn.send(data) }
export default defineConfig({ wsHandlers: [echo] })
`

/**
 * As a user does it: npm installs the tarball, and finds its dependencies itself. As a careful user does it: no install
 * script of any of them runs.
 */
describe('the tarball, installed by npm', () => {
  let root = ''
  beforeAll(() => {
    root = mkdtempSync(join(tmpdir(), 'sidewire-package-'))
    write(root, 'package.json', '{ "type": "module", "private": true }')
    write(root, 'index.html', '<!doctype html><title>chat</title>')
    write(root, 'vite.config.ts', CONFIG)
    write(root, 'sidewire.config.ts', SERVE_CONFIG)
    const words = ['--ignore-scripts', '--prefer-offline', '--no-audit', '--no-fund']
    npm(root, 'install', ...words, packed().tarball)
  })
  afterAll(() => rmSync(root, { recursive: true, force: true, maxRetries: 5 }))

  test('npx finds the command', () => {
    const { version } = JSON.parse(readFileSync(join(packed().content, 'package.json'), 'utf8')) as {
      version: string
    }
    expect(npm(root, 'exec', '--no', '--', 'sidewire', '--version').trim()).toBe(version)
  })

  test('no install script has run', () => {
    // That of esbuild puts the binary in place of this file.
    const file = readFileSync(join(root, 'node_modules/esbuild/bin/esbuild'), 'latin1')
    expect(file.split('\n', 1)).toEqual(['#!/usr/bin/env node'])
  })

  test.each(TARGETS)('sidewire serve works on $runtime, and loads a TypeScript config', async (target) => {
    const script = join(root, 'node_modules/sidewire/dist/cli.js')
    try {
      const cli = new Cli(['serve', '--port', '0', '--runtime', target.runtime], {
        cwd: root,
        target,
        script,
      })
      await cli.line(new RegExp(`runtime ${target.runtime}\\b`))
      const client = await connectWs(await cli.started())
      client.json({ text: 'hello' })
      expect(await client.next()).toEqual({ text: 'hello' })
      cli.kill('SIGTERM')
      expect(await client.closed).toMatchObject({ code: 1001 })
      expect({ ...(await cli.exited), stderr: cli.stderr }).toEqual({ code: 0, signal: null, stderr: [] })
    } finally {
      await endAll()
    }
  })

  test.each(RUNS)('two clients chat through $name', async ({ folder, program }) => {
    link(root, 'vite', folder)
    const vite = await ViteProcess.start(root, [...program])
    expect(vite.output).toContain(
      program.length > 1 ? 'sidewire: runtime bun' : `sidewire: runtime ${NODE_RUNTIME}`,
    )
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
