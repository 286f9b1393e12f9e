import { createServer as createHttpsServer } from 'node:https'
import { createServer as createHttpServer, type IncomingMessage, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { WebSocketServer, type WebSocket } from 'ws'

// Servers whose behaviour is known exactly, because the report has to say just that.

export interface KnownServer {
  readonly port: number
  /** What it did, counted by itself. */
  readonly did: { received: number; dropped: number; duplicated: number; swapped: number; opened: number }
  /** Headers and first messages of the connections, in order. */
  readonly requests: IncomingMessage[]
  readonly joins: string[]
  /** Of the messages, in bytes. */
  readonly sizes: number[]
  /** Where connections come from. */
  readonly addresses: string[]
  /** How late its answers really left, in milliseconds: a machine has other work, too. */
  readonly lateness: number[]
  close(): Promise<void>
}

export type Behaviour =
  | {
      readonly kind: 'echo'
      readonly compress?: boolean
      readonly fragments?: boolean
      readonly pings?: boolean
    }
  /** Answers each message exactly as many milliseconds later. */
  | { readonly kind: 'late'; readonly ms: number }
  /** Answers nothing in the first `ms` of each second, and then all of it. */
  | { readonly kind: 'stall'; readonly ms: number }
  /** Answers at most as many a second, in order. */
  | { readonly kind: 'capped'; readonly perSecond: number }
  /** Once, some time after its first message. */
  | { readonly kind: 'stallOnce'; readonly after: number; readonly ms: number }
  | { readonly kind: 'drop' | 'duplicate' | 'swap'; readonly every: number }
  /** Says welcome first, and wraps what it echoes. */
  | { readonly kind: 'wrap' }
  | { readonly kind: 'foreign' }
  /** Closes with 1001 after as many messages of a connection. */
  | { readonly kind: 'close'; readonly after: number; readonly reason?: string }
  | { readonly kind: 'refuse'; readonly status: number }
  /** Broadcasts to who has sent `join`, or to all. Every n-th broadcast leaves the first receiver out. */
  | {
      readonly kind: 'broadcast'
      readonly join?: string
      readonly self: boolean
      readonly leaveOutEvery?: number
    }

export async function startKnown(
  behaviour: Behaviour,
  tls?: { readonly cert: string; readonly key: string },
): Promise<KnownServer> {
  const did = { received: 0, dropped: 0, duplicated: 0, swapped: 0, opened: 0 }
  const requests: IncomingMessage[] = []
  const joins: string[] = []
  const lateness: number[] = []
  const sizes: number[] = []
  const addresses: string[] = []
  const http: Server = tls ? createHttpsServer(tls) : createHttpServer()
  const compress = behaviour.kind === 'echo' && behaviour.compress === true
  const wss = new WebSocketServer({
    server: http,
    perMessageDeflate: compress ? { threshold: 0 } : false,
    handleProtocols: (offered) => [...offered][0] ?? false,
    ...(behaviour.kind === 'refuse' && {
      verifyClient: (_info: unknown, done: (ok: boolean, code?: number) => void) =>
        done(false, behaviour.status),
    }),
  })
  const members = new Set<WebSocket>()
  let broadcasts = 0
  /** When the next one may be answered. */
  let free = 0
  let firstAt: number | undefined
  wss.on('connection', (ws, request) => {
    did.opened++
    requests.push(request)
    addresses.push(request.socket.remoteAddress ?? '')
    let held: string | undefined
    let count = 0
    if (behaviour.kind === 'wrap') ws.send('{"type":"welcome"}')
    if (behaviour.kind === 'broadcast' && behaviour.join === undefined) members.add(ws)
    if (behaviour.kind === 'echo' && behaviour.pings) ws.ping()
    ws.on('error', () => {})
    ws.on('close', () => members.delete(ws))
    ws.on('message', (data: Buffer) => {
      const text = data.toString()
      did.received++
      sizes.push(data.length)
      count++
      switch (behaviour.kind) {
        case 'echo':
          if (!behaviour.fragments) return ws.send(text)
          ws.send(text.slice(0, 10), { fin: false })
          ws.send(text.slice(10, 11), { fin: false })
          ws.send(text.slice(11), { fin: true })
          return
        case 'late': {
          const came = performance.now()
          return answerAt(came + behaviour.ms, () => {
            lateness.push(performance.now() - came)
            ws.send(text)
          })
        }
        case 'stall': {
          const intoSecond = performance.now() % 1000
          // All in one queue: what came in a stall is answered before what comes after it.
          return answerAt(performance.now() + Math.max(0, behaviour.ms - intoSecond), () => ws.send(text))
        }
        case 'stallOnce': {
          firstAt ??= performance.now()
          const begins = firstAt + behaviour.after
          const isStalled = performance.now() >= begins && performance.now() < begins + behaviour.ms
          return answerAt(isStalled ? begins + behaviour.ms : performance.now(), () => ws.send(text))
        }
        case 'capped':
          free = Math.max(free + 1000 / behaviour.perSecond, performance.now())
          return answerAt(free, () => ws.send(text))
        case 'drop':
          if (did.received % behaviour.every === 0) did.dropped++
          else ws.send(text)
          return
        case 'duplicate':
          ws.send(text)
          if (did.received % behaviour.every !== 0) return
          did.duplicated++
          ws.send(text)
          return
        case 'swap':
          if (count % behaviour.every === 0) held = text
          else ws.send(text)
          if (count % behaviour.every !== 1 || held === undefined) return
          did.swapped++
          ws.send(held)
          held = undefined
          return
        case 'wrap':
          return ws.send(JSON.stringify({ type: 'echo', data: JSON.parse(text) }))
        case 'foreign':
          return ws.send(text.replace(/sw\d{6}/, 'sw999999'))
        case 'close':
          ws.send(text)
          if (count === behaviour.after) ws.close(1001, behaviour.reason ?? 'bye')
          return
        case 'refuse':
          return
        case 'broadcast': {
          if (text === behaviour.join) {
            joins.push(text)
            members.add(ws)
            return
          }
          const [first] = members
          const leaveOut =
            behaviour.leaveOutEvery !== undefined && ++broadcasts % behaviour.leaveOutEvery === 0
          if (leaveOut) did.dropped++
          for (const member of members)
            if ((behaviour.self || member !== ws) && !(leaveOut && member === first)) member.send(text)
          return
        }
        default:
          behaviour satisfies never
      }
    })
  })
  await new Promise<void>((resolve) => http.listen(0, '127.0.0.1', resolve))
  return {
    port: (http.address() as AddressInfo).port,
    did,
    requests,
    joins,
    sizes,
    addresses,
    lateness,
    close: () =>
      new Promise((resolve) => {
        for (const ws of wss.clients) ws.terminate()
        wss.close()
        http.close(() => resolve())
        http.closeAllConnections()
      }),
  }
}

const due: { at: number; answer: () => void }[] = []
let isWaiting = false

/** A timer alone is up to a millisecond late. */
function answerAt(at: number, answer: () => void): void {
  due.push({ at, answer })
  if (isWaiting) return
  isWaiting = true
  const look = (): void => {
    for (let next = due[0]; next !== undefined && next.at <= performance.now(); next = due[0]) {
      due.shift()
      next.answer()
    }
    isWaiting = due.length > 0
    if (isWaiting) setImmediate(look)
  }
  look()
}
