import { appendFileSync } from 'node:fs'
import { connect } from 'node:net'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { connectWs, type TestClient } from '../support/client.ts'
import { freePort } from '../support/free-port.ts'
import { DevServer } from './dev-server.ts'
import { InstalledProject } from './installed-project.ts'
import { chosenProjects } from './projects.ts'
import { connectHmr } from './vite-socket.ts'

/** A slow registry, and ten thousands of files on a busy machine. */
const INSTALL_MS = 600_000

describe.each(chosenProjects())('$name', ({ name, dev, config, viteClient, page, isMiddleware }) => {
  let project: InstalledProject | undefined
  let server: DevServer | undefined
  let port: number
  const url = (): string => `ws://localhost:${port}/api/ws/chat`

  beforeAll(async () => {
    project = await InstalledProject.of(name)
    port = await freePort()
    server = new DevServer(project.root, dev(port))
  }, INSTALL_MS)
  afterAll(async () => {
    server?.destroy()
    await project?.remove()
  }, INSTALL_MS)

  /** Two clients of one room: what one says, the other hears. */
  const chat = async (there: string): Promise<readonly [TestClient, TestClient]> => {
    const [one, other] = [await connectWs(url()), await connectWs(there)]
    one.json('hello')
    expect(await other.next()).toBe('hello')
    return [one, other]
  }

  test('the chat and HMR work on its port, over a restart, and SIGTERM ends it with 1001', async () => {
    // The server starts; the first page may still be compiled when it listens.
    const before = await server!.until('the chat', () => chat(url()), 120_000)
    expect(await connectHmr(port, viteClient)).toEqual({ type: 'connected' })

    const ownUrl = async (): Promise<string> => {
      const body = await (await fetch(`http://localhost:${port}${page}`)).text()
      const found = /wss?:\/\/127\.0\.0\.1:\d+/.exec(body)?.[0]
      if (!found) throw new Error(`${page} has no URL of the engine: ${body}`)
      return found
    }
    const direct = await server!.until('its page', ownUrl)
    await chat(`${direct}/api/ws/chat`)
    const listed = (): number => server!.output.split(`WebSocket: ${url()}`).length - 1
    await server!.until('the list of URLs', () => Promise.resolve(expect(listed()).toBe(1)), 10_000)

    appendFileSync(join(project!.root, config), '\n// changed\n')
    for (const client of before) expect(await client.closed).toMatchObject({ code: 1001 })
    const after = await server!.until('the chat after a restart', () => chat(url()))
    expect(await connectHmr(port, viteClient)).toEqual({ type: 'connected' })

    await server!.terminate()
    for (const client of after) expect(await client.closed).toMatchObject({ code: 1001 })
    await expect.poll(() => server!.isRunning, { timeout: 5000 }).toBe(false)
    expect(await Promise.all(['127.0.0.1', '::1'].map((host) => isListening(host, port)))).toEqual([
      false,
      false,
    ])
    expect(listed()).toBe(isMiddleware ? 2 : 1)
    expect(server!.output).not.toMatch(/error|unhandled/i)
  }, 300_000)
})

function isListening(host: string, port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect({ port, host })
    socket.once('connect', () => {
      socket.destroy()
      resolve(true)
    })
    socket.once('error', () => resolve(false))
  })
}
