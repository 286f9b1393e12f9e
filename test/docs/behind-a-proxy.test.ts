import { spawn, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { writeFileSync } from 'node:fs'
import { request } from 'node:https'
import { connect as connectTls } from 'node:tls'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest'
import { findProxy } from '../../scripts/proxies.mjs'
import { createCertificate } from '../cli/certificate.ts'
import { Cli, endAll, project } from '../cli/cli.ts'
import { connectWs } from '../support/client.ts'
import { freePort } from '../support/free-port.ts'
import { filesOf } from './pages.ts'

// The configurations of docs/guide/behind-a-proxy.md as they stand there, but for ports, files and the secret.

const SECRET = 'a secret that only these two know: 0123456789'

/** The text of a file that the page shows. */
function shown(file: string): string {
  const text = filesOf('docs/guide/behind-a-proxy.md')[file]
  if (text === undefined) throw new Error(`docs/guide/behind-a-proxy.md shows no ${file}`)
  return text
}

/** Replaces what differs from machine to machine; each has to be there. */
function adapt(text: string, changes: readonly (readonly [from: string, to: string])[]): string {
  return changes.reduce((before, [from, to]) => {
    if (!before.includes(from)) throw new Error(`${JSON.stringify(from)} is not in the configuration`)
    return before.replaceAll(from, to)
  }, text)
}

interface Setup {
  readonly folder: string
  readonly port: number
  readonly server: number
}

const PROXIES = {
  nginx: {
    write({ folder, port, server }: Setup): string[] {
      // Where a package that is unpacked and not installed may write.
      const own = ['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi'].map(
        (kind) => `${kind}_temp_path ${folder}/${kind};`,
      )
      const text = adapt(shown('nginx.conf'), [
        ['http {', `http { access_log off; ${own.join(' ')}`],
        // More file descriptors than every machine gives.
        ['worker_connections 8192', 'worker_connections 256'],
        ['listen 443 ssl', `listen 127.0.0.1:${port} ssl`],
        ['127.0.0.1:8787', `127.0.0.1:${server}`],
        ['/etc/ssl/app.example.pem', `${folder}/cert.pem`],
        ['/etc/ssl/app.example.key', `${folder}/key.pem`],
        ['the secret of 32 bytes', SECRET],
      ])
      writeFileSync(join(folder, 'nginx.conf'), text)
      const globals = `daemon off; pid ${folder}/nginx.pid;`
      return ['-e', 'stderr', '-p', folder, '-c', join(folder, 'nginx.conf'), '-g', globals]
    },
  },
  haproxy: {
    write({ folder, port, server }: Setup): string[] {
      const text = adapt(shown('haproxy.cfg'), [
        // More file descriptors than every machine gives.
        ['maxconn 10000', 'maxconn 100'],
        ['bind :443 ', `bind 127.0.0.1:${port} `],
        ['127.0.0.1:8787', `127.0.0.1:${server}`],
        ['/etc/haproxy/app.example.pem', `${folder}/both.pem`],
        ['the secret of 32 bytes', SECRET],
      ])
      writeFileSync(join(folder, 'haproxy.cfg'), text)
      return ['-db', '-f', join(folder, 'haproxy.cfg')]
    },
  },
} as const

/** Resolves when somebody takes TLS connections there. */
async function isUp(port: number, proxy: ChildProcess): Promise<void> {
  const attempt = (): Promise<boolean> =>
    new Promise((resolve) => {
      const socket = connectTls({ port, host: '127.0.0.1', rejectUnauthorized: false }, () => {
        socket.destroy()
        resolve(true)
      }).once('error', () => resolve(false))
    })
  await vi.waitFor(
    async () => {
      if (proxy.exitCode === null && !(await attempt())) throw new Error('nobody takes TLS connections yet')
    },
    { timeout: 30_000, interval: 50 },
  )
}

const NAMES = ['nginx', 'haproxy'] as const
/** One that this machine cannot have is left out only if the summary of `npm test` says so, and loudly. */
const isUnprovenSaid = process.env['SIDEWIRE_UNPROVEN']?.split(' ').includes('proxies') ?? false
const toProve = NAMES.filter((name) => findProxy(name) !== undefined || !isUnprovenSaid)

it.for(['nginx.conf', 'haproxy.cfg'])(
  'docs/guide/behind-a-proxy.md sets every header of its options in %s',
  (file) => {
    const [, list = ''] = /proxyHeaders: \[(.*)\]/.exec(shown('sidewire.config.ts')) ?? []
    const names = [...list.matchAll(/'([\w-]+)'/g)].map(([, name]) => name)
    expect(names).toHaveLength(4)
    for (const name of ['X-Sidewire-Secret', ...names])
      expect(shown(file)).toMatch(new RegExp(`set[-_]header ${name} `))
  },
)

for (const name of toProve) {
  describe(`the configuration for ${name} of docs/guide/behind-a-proxy.md`, () => {
    let port = 0
    let proxy: ChildProcess | undefined
    let output = ''

    beforeAll(async () => {
      const found = findProxy(name)
      if (!found) throw new Error(`no ${name} found: run \`node scripts/proxies.mjs\``)
      const { cert, key } = createCertificate()
      const folder = project({
        'cert.pem': cert,
        'key.pem': key,
        'both.pem': cert + key,
        'sidewire.config.ts': shown('sidewire.config.ts').replace(
          'maxConnectionsPerAddress: 100',
          'maxConnectionsPerAddress: 3',
        ),
      })
      const cli = new Cli(['serve', '--port', '0'], {
        cwd: folder,
        through: ['env', `SIDEWIRE_PROXY_SECRET=${SECRET}`],
      })
      const server = Number(new URL(await cli.started()).port)
      port = await freePort()
      const args = PROXIES[name].write({ folder, port, server })
      proxy = spawn(found.command, args, { env: found.env, stdio: ['ignore', 'pipe', 'pipe'] })
      for (const stream of [proxy.stdout, proxy.stderr])
        stream?.on('data', (chunk: Buffer) => (output += chunk.toString()))
      await isUp(port, proxy)
      // No warning; that nginx is not started by root is none.
      const said = output.split('\n').filter((line) => !/"user" directive|\[notice\]|\[NOTICE\]/.test(line))
      expect(said.join('').trim()).toBe('')
      expect(proxy.exitCode).toBeNull()
    })

    afterAll(async () => {
      if (proxy && proxy.exitCode === null) {
        const ended = once(proxy, 'exit')
        proxy.kill('SIGTERM')
        await ended
      }
      await endAll()
    })

    const url = (path = '/api/ws/chat'): string => `wss://127.0.0.1:${port}${path}`

    it('tells of the client what the proxy knows, whatever the client says of itself', async () => {
      const client = await connectWs(url('/api/ws/chat?a=%2F&b=//c'), {
        headers: {
          'X-Sidewire-Secret': 'guess',
          'X-Forwarded-For': '6.6.6.6',
          'X-Forwarded-Proto': 'http',
          'X-Forwarded-Port': '666',
          'X-Forwarded-Uri': '/api/ws/lie',
          'X-Sidewire-Client-Port': '666',
          'X-Sidewire-Known-Host': 'yes',
        },
      })
      const told = (await client.next()) as { remotePort: number }
      expect(told).toEqual({
        url: '/api/ws/chat?a=%2F&b=//c',
        remoteAddress: '127.0.0.1',
        remotePort: expect.any(Number),
        encrypted: true,
      })
      expect(told.remotePort).toBeGreaterThan(1023)
      client.close(1000)
      await client.closed
    })

    it('passes messages and close codes on, large ones too', async () => {
      const [one, other] = await Promise.all([connectWs(url()), connectWs(url())])
      await Promise.all([one.next(), other.next()])
      const large = 'x'.repeat(300_000)
      one.json({ large })
      expect(await other.next()).toEqual({ large })
      one.close(4001)
      expect(await other.next()).toEqual({ left: 4001 })
      other.close(1000)
      await Promise.all([one.closed, other.closed])
    })

    it('does not let one client be many addresses', async () => {
      const open = (lie: number) => connectWs(url(), { headers: { 'X-Forwarded-For': `10.0.0.${lie}` } })
      const clients = [await open(1), await open(2), await open(3)]
      await expect(open(4)).rejects.toThrow('429')
      for (const client of clients) client.close(1000)
      await Promise.all(clients.map((client) => client.closed))
    })

    it('lets pages of allowedOrigins in, and no others', async () => {
      const from = (Origin: string) => connectWs(url(), { headers: { Origin, Host: 'app.example' } })
      const client = await from('https://app.example')
      client.close(1000)
      await client.closed
      await expect(from('https://evil.example')).rejects.toThrow('403')
    })

    it('answers what is no WebSocket', async () => {
      const status = await new Promise((resolve, reject) => {
        request({ host: '127.0.0.1', port, path: '/api/ws/chat', rejectUnauthorized: false }, (response) => {
          response.resume()
          resolve(response.statusCode)
        })
          .on('error', reject)
          .end()
      })
      expect(status).toBe(426)
    })
  })
}
