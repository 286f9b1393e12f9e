import { spawn, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { cpSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterEach, expect, test } from 'vitest'
import { findPrometheus } from '../../scripts/prometheus.mjs'
import { Cli, endAll, project, ROOT } from '../cli/cli.ts'
import { http } from '../inspector/asking.ts'
import { connectWs, type TestClient } from '../support/client.ts'
import { freePort } from '../support/free-port.ts'

const EXAMPLE = join(ROOT, 'examples/metrics')
const children: ChildProcess[] = []

afterEach(async () => {
  await Promise.all(
    children.splice(0).map(async (child) => {
      child.kill('SIGKILL')
      if (child.exitCode === null && child.signalCode === null) await once(child, 'exit')
    }),
  )
  await endAll()
})

interface Dashboard {
  readonly panels: readonly {
    readonly title: string
    readonly targets: readonly { readonly expr: string }[]
  }[]
}

/** As the example has it, but for the port, and in a hurry. */
async function startPrometheus(folder: string, port: number): Promise<string> {
  const config = join(folder, 'prometheus.yml')
  const text = readFileSync(config, 'utf8')
  for (const from of ['scrape_interval: 5s', 'localhost:8787']) expect(text).toContain(from)
  writeFileSync(
    config,
    text
      .replace('scrape_interval: 5s', 'scrape_interval: 200ms')
      .replace('localhost:8787', `127.0.0.1:${port}`),
  )
  const address = `127.0.0.1:${await freePort()}`
  const child = spawn(
    findPrometheus('prometheus'),
    [
      `--config.file=${config}`,
      `--storage.tsdb.path=${join(folder, 'data')}`,
      `--web.listen-address=${address}`,
      '--log.level=error',
    ],
    { stdio: ['ignore', 'ignore', 'inherit'] },
  )
  children.push(child)
  return `http://${address}`
}

async function talk(client: TestClient, text: string): Promise<void> {
  client.send(text)
  if (text !== 'fail') await client.next()
}

test('examples/metrics: Prometheus scrapes it, each query of the dashboard gives data, and a drain tells /readyz', async () => {
  const folder = project()
  cpSync(EXAMPLE, folder, { recursive: true })
  const server = new Cli(['serve', '--port', '0', '--metrics'], { cwd: folder })
  const [, port = ''] = await server.line(/http:\/\/127\.0\.0\.1:(\d+)\/metrics the metrics/)
  const prometheus = await startPrometheus(folder, Number(port))
  const url = `127.0.0.1:${port}`
  const [chat, echo] = await Promise.all(
    ['chat', 'echo'].map((name) => connectWs(`ws://${url}/api/ws/${name}`)),
  )
  const { panels } = JSON.parse(readFileSync(join(EXAMPLE, 'dashboard.json'), 'utf8')) as Dashboard
  const open = new Map(
    panels.flatMap(({ title, targets }) =>
      targets.map(({ expr }): [string, string] => [expr.replaceAll('$__rate_interval', '10s'), title]),
    ),
  )
  expect(open.size).toBeGreaterThan(15)
  const withoutData = async (): Promise<string[]> => {
    await Promise.all([chat && talk(chat, 'hi'), echo && talk(echo, 'hi'), echo && talk(echo, 'fail')])
    for (const [query] of open) {
      const answered = await http(`${prometheus}/api/v1/query?query=${encodeURIComponent(query)}`).catch(
        () => undefined,
      )
      if (answered === undefined) break
      const { status, data } = JSON.parse(answered.body) as Answer
      // A quantile of nothing is NaN, and none of what never happens.
      if (status === 'success' && data.result.some(({ value: [, value] }) => value !== 'NaN'))
        open.delete(query)
      else if (status !== 'success') throw new Error(`${query}: ${answered.body}`)
    }
    return [...open].map(([query, title]) => `${title}: ${query}`)
  }
  await expect.poll(withoutData, { interval: 200 }).toEqual([])

  const ready = async (): Promise<number> => (await http(`http://${url}/readyz`)).status
  expect(await ready()).toBe(200)
  let end: number | undefined
  void echo?.closed.then(({ code }) => (end = code))
  server.kill('SIGTERM')
  await expect.poll(ready, { interval: 5 }).toBe(503)
  expect(end).toBeUndefined()
  expect((await chat?.closed)?.code).toBe(1001)
  expect(await server.exited).toEqual({ code: 0, signal: null })
})

interface Answer {
  readonly status: string
  readonly data: { readonly result: readonly { readonly value: readonly [number, string] }[] }
}
