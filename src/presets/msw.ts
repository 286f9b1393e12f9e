import type { UniversalApiWsHandler } from '../engine/handler/handler.ts'
import type { WebSocketConnection } from '../engine/connection/websocket-connection.ts'
import type { HandshakeRequest } from '../engine/handshake/request.ts'
import type { Logger } from '../engine/logger.ts'
import { DROP } from '../engine/upstream/drop.ts'
import type { Upstream } from '../engine/upstream/upstream.ts'
import { MswClient, MswServer, type MswConnection } from './msw-connection.ts'
import { isObject, wrong } from '../engine/handler/option-error.ts'
import { checkPath, restarting, splitOptions, type PresetOptions } from './options.ts'

// MSW's `ws` handlers take any connection that has the form of theirs, so that they need not know that this one is real.

/** A handler of MSW 2 or 3. Those of `ws.link()` are run; those for HTTP may stand beside them, and are left out. */
export interface MswHandler {
  run(...args: never): unknown
  test(...args: never): unknown
}

export interface MswOptions extends PresetOptions {
  /** The paths, whole, that are looked for among the handlers. @defaultValue '/**' */
  pattern?: string
  /**
   * Where the handlers believe to be, for those with a whole URL: `wss://chat.example.com`. The path and the query are the client's.
   * @defaultValue the host that the client asked for
   */
  baseUrl?: string
  /**
   * Whether clients are connected to the real server at `baseUrl` as well, which `server.connect()` of MSW needs, and how. Each of them
   * is, before its handshake is answered. @defaultValue false
   */
  upstream?: boolean | Omit<Upstream, 'url'>
}

interface WsHandler {
  run(connection: MswConnection, context: { baseUrl: string }): Promise<unknown>
  test(url: string, context: { baseUrl: string }): boolean
}

/**
 * MSW's WebSocket handlers as they are, for clients that are no page of MSW: other processes, browsers under Playwright. A client that
 * no handler is for gets HTTP 404.
 * @param handlers - the list that `setupWorker` or `setupServer` gets
 * @throws `ERR_OPTION`
 */
export function fromMsw(handlers: readonly MswHandler[], options?: MswOptions): UniversalApiWsHandler {
  const runs = wsHandlersOf(handlers)
  for (const each of runs) watchListeners(each)
  const { own, handler } = splitOptions('fromMsw', options, ['pattern', 'baseUrl', 'upstream'])
  const { pattern, baseUrl, upstream } = checked(own)
  // Whoever mistypes the path of another handler is answered by this one.
  const hint =
    pattern === '/**' ? ', and no other handler is: fromMsw() takes all paths, unless it has a pattern' : ''
  const known = new Map<WebSocketConnection, MswConnection>()
  let logger: Logger | undefined

  const contextOf = ({ headers }: HandshakeRequest): { baseUrl: string } => ({
    baseUrl: baseUrl ?? `ws://${headers['host'] ?? 'localhost'}`,
  })
  const urlOf = (req: HandshakeRequest): URL => new URL(req.url.replace(/^\/+/, '/'), contextOf(req).baseUrl)

  const left = async (
    conn: WebSocketConnection,
    code: number,
    reason: string,
    byClient = false,
  ): Promise<void> => {
    const { client, server } = known.get(conn) ?? {}
    known.delete(conn)
    if (!byClient && server?.isConnected === true) await server.end(code, reason)
    await client?.end(code, reason)
  }

  return {
    ...handler,
    pattern,
    prefix: false,
    raw: true,
    onStart(service, handedOver) {
      logger = service.logger
      return handler.onStart?.(service, handedOver)
    },
    authenticate(req) {
      const url = urlOf(req)
      if (runs.some((each) => each.test(url.href, contextOf(req)))) return true
      return {
        success: false,
        status: 404,
        reason: `No handler of MSW is for ${url.origin}${url.pathname}${hint}`,
      }
    },
    ...(upstream !== undefined && {
      upstream: (req: HandshakeRequest): Upstream => {
        const { origin, pathname } = urlOf(req)
        return { ...upstream, url: origin + pathname }
      },
      async onUpstreamMessage(conn: WebSocketConnection, data: string | Buffer) {
        const server = known.get(conn)?.server
        // Nothing comes before `server.connect()`; until then the backend waits.
        await server?.connected
        return (await server?.receive(data)) === true ? undefined : DROP
      },
    }),
    async onConnect(conn, req) {
      const fail = (error: unknown): void => logger?.error(`${pattern}: MSW: ${String(error)}`)
      const client = new MswClient(conn, urlOf(req), fail)
      const server = new MswServer(conn, fail)
      const protocols = (req.headers['sec-websocket-protocol'] ?? '').split(/\s*,\s*/).filter(Boolean)
      const connection: MswConnection = { client, server, info: { protocols } }
      known.set(conn, connection)
      for (const each of runs) await each.run(connection, contextOf(req))
      if (client.extension)
        throw new Error('extensions of MSW (ws.link(url, { extensions })) are not supported: leave them out')
      await client.open()
    },
    async onMessage(conn, data: string | Buffer) {
      const connection = known.get(conn)
      const passes = await connection?.client.receive(data)
      return passes === true && connection?.server.isConnected === true ? undefined : DROP
    },
    onClose: left,
    onStop: restarting(handler.onStop, left),
  }
}

function wsHandlersOf(handlers: unknown): readonly WsHandler[] {
  if (!Array.isArray(handlers)) wrong('fromMsw() handlers', handlers, 'a list of handlers of MSW')
  const found = (handlers as readonly unknown[]).filter(
    (each) => isObject(each) && each['kind'] === 'websocket' && typeof each['run'] === 'function',
  )
  if (found.length === 0)
    wrong(
      'fromMsw() handlers',
      handlers,
      "a list with what ws.link(url).addEventListener('connection', ...) returns in it",
    )
  return found as readonly WsHandler[]
}

/** As far as it is known of the emitters of both versions, strict-event-emitter and rettime. */
interface Emitter {
  listeners(name: 'connection'): readonly Listener[]
  removeListener(name: 'connection', listener: Listener): unknown
  on(name: 'connection', listener: Listener): unknown
}

type Listener = (this: unknown, connection: { readonly client?: unknown }) => unknown

const watched = new WeakSet<Listener>()

/** MSW drops what a listener returns, so that an async one that fails would end the process. */
function watchListeners(handler: object): void {
  const key = Object.getOwnPropertySymbols(handler).find(({ description }) => description === 'kEmitter')
  if (key === undefined) return
  const emitter = (handler as Record<symbol, Emitter>)[key] as Emitter
  for (const listener of [...emitter.listeners('connection')]) {
    if (watched.has(listener)) continue
    const watching: Listener = function (connection) {
      const made = listener.call(this, connection)
      // The same handlers may be those of a `setupServer` as well.
      if (connection.client instanceof MswClient) connection.client.watch(made)
      return made
    }
    watched.add(watching)
    emitter.removeListener('connection', listener)
    emitter.on('connection', watching)
  }
}

interface Settings {
  readonly pattern: string
  readonly baseUrl: string | undefined
  readonly upstream: Omit<Upstream, 'url'> | undefined
}

function checked({
  pattern = '/**',
  baseUrl,
  upstream = false,
}: Readonly<Record<string, unknown>>): Settings {
  checkPath(pattern, 'fromMsw.pattern', '/rooms/**')
  if (baseUrl !== undefined && !isBase(baseUrl))
    wrong('fromMsw.baseUrl', baseUrl, 'the URL of a server without a path, such as wss://chat.example.com')
  if (typeof upstream !== 'boolean' && !isObject(upstream))
    wrong('fromMsw.upstream', upstream, 'true, false, or the options of an upstream without its url')
  if (isObject(upstream) && 'url' in upstream)
    wrong('fromMsw.upstream.url', upstream['url'], 'left out: the real server is at baseUrl')
  if (upstream !== false && baseUrl === undefined)
    wrong('fromMsw.baseUrl', baseUrl, 'there with upstream: the URL of the real server')
  return { pattern, baseUrl, upstream: upstream === true ? {} : upstream || undefined }
}

function isBase(value: unknown): value is string {
  if (typeof value !== 'string' || !URL.canParse(value)) return false
  const { protocol, pathname, search, hash } = new URL(value)
  return /^(?:ws|http)s?:$/.test(protocol) && pathname === '/' && search === '' && hash === ''
}
