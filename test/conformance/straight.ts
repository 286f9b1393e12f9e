import { once } from 'node:events'
import type { AddressInfo } from 'node:net'
import { WebSocketServer } from 'ws'
import { COMPRESS_FROM, readScript, type Started, type Tested } from './servers.ts'

// The runtimes as they are, without a line of ours, doing the same work: what comes out wrong here, too, is native.

/** What the engine sets: past 16 MiB and some room the runtime's own limit ends a message. */
const MAX_PAYLOAD = 17 * 1024 * 1024

type Straight = Omit<Started, 'description'>

export async function startStraight(runtime: Tested): Promise<Straight> {
  if (runtime === 'uws') return startUws()
  return runtime === 'ws' ? startWs() : startBun()
}

async function startUws(): Promise<Straight> {
  const uws = await import('uWebSockets.js')
  // The package's own types leave its constants out.
  const { SHARED_COMPRESSOR, SHARED_DECOMPRESSOR } = uws as unknown as Record<string, number>
  const app = uws.App()
  for (const path of ['echo', 'small', 'protocols', 'script', 'deflate', 'small-deflate']) {
    const deflate = path.includes('deflate')
    app.ws(`/api/${path}`, {
      compression: (SHARED_COMPRESSOR ?? 0) | (SHARED_DECOMPRESSOR ?? 0),
      maxPayloadLength: MAX_PAYLOAD,
      maxBackpressure: 4 * MAX_PAYLOAD,
      upgrade: (res, req, context) => {
        const [key, offer] = [req.getHeader('sec-websocket-key'), req.getHeader('sec-websocket-extensions')]
        res.upgrade({}, key, '', deflate ? offer : '', context)
      },
      message: (ws, data, isBinary) => {
        if (path !== 'script') {
          ws.send(data, isBinary, data.byteLength >= COMPRESS_FROM)
          return
        }
        const { say, close, reason, ping } = readScript(Buffer.from(data).toString())
        if (say !== undefined) ws.send(say)
        if (ping !== undefined) ws.ping(ping)
        if (close !== undefined) ws.end(close, reason)
      },
    })
  }
  const socket = await new Promise<Parameters<typeof uws.us_socket_local_port>[0]>((resolve, reject) => {
    app.listen('127.0.0.1', 0, (token) =>
      token ? resolve(token) : reject(new Error('uWebSockets.js does not listen')),
    )
  })
  return {
    port: uws.us_socket_local_port(socket),
    close: async () => void app.close(),
  }
}

async function startWs(): Promise<Straight> {
  const server = new WebSocketServer({
    host: '127.0.0.1',
    port: 0,
    maxPayload: MAX_PAYLOAD,
    perMessageDeflate: { threshold: COMPRESS_FROM },
  })
  server.on('connection', (ws) =>
    ws.on('error', () => {}).on('message', (data, binary) => ws.send(data, { binary })),
  )
  await once(server, 'listening')
  return {
    port: (server.address() as AddressInfo).port,
    close: async () => {
      for (const ws of server.clients) ws.terminate()
      server.close()
    },
  }
}

async function startBun(): Promise<Straight> {
  const server = Bun.serve({
    hostname: '127.0.0.1',
    port: 0,
    fetch: (request, self) => (self.upgrade(request) ? undefined : new Response('no', { status: 400 })),
    websocket: {
      maxPayloadLength: MAX_PAYLOAD,
      perMessageDeflate: true,
      message: (ws, data) => void ws.send(data),
    },
  })
  return {
    port: server.port ?? 0,
    close: () => server.stop(true),
  }
}
