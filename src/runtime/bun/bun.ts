import type { Server, ServerWebSocket } from 'bun'
import { CloseCode } from '../../engine/close.ts'
import { asksForWebSocket } from '../../engine/handshake/asks-for-websocket.ts'
import type {
  HttpAnswer,
  ListenOptions,
  Payload,
  RawRequest,
  Runtime,
  RuntimeEvents,
  RuntimeServer,
  RuntimeSocket,
  SendStatus,
} from '../../engine/runtime.ts'
import { Answers } from '../answers.ts'
import { listenOnAll } from '../listen-on-all.ts'
import { OpenFiles } from '../open-files.ts'
import { readTls } from '../tls-files.ts'
import { BunListener } from './bun-listener.ts'
import { nativeResponse } from './native-response.ts'
import { onSentPath } from './sent-path.ts'

/** Seconds that a kept HTTP connection may idle, and that a request may wait for its answer. */
const HTTP_IDLE_TIMEOUT = 10
/** The most that Bun takes, longer than any `authenticateTimeout` that makes sense. */
const ANSWER_IDLE_TIMEOUT = 255

type Native<D> = ServerWebSocket<BunSocket<D>>

const NOTHING: HttpAnswer = { status: 503, headers: {}, body: '' }

export function createBunRuntime(): Runtime {
  return {
    name: 'bun',
    description: `Bun.serve of Bun ${Bun.version}`,
    capabilities: {
      unsolicitedPong: true,
      closeFrameOnParserError: true,
      everyCloseCode: true,
      remotePort: true,
      headerCase: false,
      // See `sent-path.ts`; the query has the escapes of the URL standard, too.
      pathAsSent: false,
      bytesInTarget: true,
      headerBytes: true,
      refusesHttp10: false,
      // Fixed, whatever `idleTimeout` says: 12 s from the TCP connection to the end of the head.
      handshakeTimeout: false,
      hangsUp: false,
      serverWindowBits: [15],
      smallWindowWithoutTakeover: false,
      closeWithoutCode: true,
      pausesReading: true,
      // Elsewhere Bun takes the option, and does nothing.
      sharesPort: process.platform === 'linux' && 'kernel',
    },
    listen,
  }
}

async function listen<D>(events: RuntimeEvents<D>, options: ListenOptions): Promise<RuntimeServer> {
  const files = new OpenFiles()
  const answers = new Answers()
  const Native = await nativeResponse()
  const { tls } = options
  const encrypted = tls !== undefined
  const pem = tls && readTls(tls)
  const serve = (hostname: string, port: number, listener: BunListener<BunSocket<D>>): Server<BunSocket<D>> =>
    Bun.serve<BunSocket<D>>({
      hostname,
      port,
      ...(pem && { tls: pem }),
      idleTimeout: HTTP_IDLE_TIMEOUT,
      development: false,
      // Without `development` Bun shares a port that is in use (SO_REUSEPORT).
      reusePort: options.sharesPort,
      ...onSentPath(async (request, self, url) => {
        const raw = {
          ...copyRequest(request, url, self, encrypted),
          onGone: (run: () => void) => request.signal.addEventListener('abort', run, { once: true }),
        }
        // Awaiting what is no promise would put every answer off by a turn.
        const inTime = <T>(result: T | Promise<T>): T | Promise<T> => {
          if (!(result instanceof Promise)) return result
          self.timeout(request, ANSWER_IDLE_TIMEOUT)
          return answers.add(result)
        }
        if (!isHandshake(request)) {
          let isRead = false
          const result = inTime(
            events.request(raw, (maxBytes: number) => {
              isRead = true
              return readBody(request, maxBytes)
            }),
          )
          if (result instanceof Promise && !isRead) void drop(request)
          return toResponse(Native, result instanceof Promise ? await result : result)
        }
        const result = inTime(events.upgrade(raw))
        const decision = result instanceof Promise ? await result : result
        // It cannot hang up, and so has an answer always.
        if (!decision.accept) return toResponse(Native, decision.answer ?? NOTHING)
        // Bun answers with the client's first subprotocol, and with compression, unless the offer is taken away.
        request.headers.delete('sec-websocket-protocol')
        request.headers.delete('sec-websocket-extensions')
        if (decision.extensions) request.headers.set('sec-websocket-extensions', decision.extensions)
        const upgraded = self.upgrade(request, {
          data: new BunSocket(decision.data, listener, listeners),
          ...(decision.protocol && { headers: { 'Sec-WebSocket-Protocol': decision.protocol } }),
        })
        // A client that went away meanwhile cannot be upgraded, nor does it read an answer.
        return upgraded ? undefined : new Native('Malformed WebSocket handshake', { status: 400 })
      }),
      error: () => new Native('Internal Server Error', { status: 500 }),
      websocket: {
        maxPayloadLength: options.maxPayload,
        backpressureLimit: options.maxBackpressure,
        closeOnBackpressureLimit: true,
        perMessageDeflate: true,
        // Time is the engine's.
        idleTimeout: 0,
        sendPings: false,
        open: (ws) => {
          ws.data.native = ws
          listener.sockets++
          events.open(ws.data)
        },
        message: (ws, data) => {
          if (typeof data === 'string') events.message(ws.data, data, Buffer.byteLength(data))
          else events.message(ws.data, data, data.byteLength)
        },
        ping: (ws, data) => events.ping(ws.data, data),
        pong: (ws, data) => events.pong(ws.data, data),
        drain: (ws) => events.drain(ws.data),
        close: (ws, code, reason) => {
          ws.data.native = undefined
          listener.sockets--
          if (code === CloseCode.AbnormalClosure) events.closed(ws.data, closeCodeOf(reason), '', false)
          else events.closed(ws.data, code, reason, true)
        },
      },
    })
  const listeners = await listenOnAll(
    options,
    (host, port) => new BunListener<BunSocket<D>>((listener) => serve(host, port, listener)),
  )
  return {
    port: listeners[0].port,
    publish: (topic, payload, compress) => {
      for (const listener of listeners) listener.publish(topic, payload, compress)
    },
    subscribers: (topic) => listeners.reduce((sum, listener) => sum + listener.subscribers(topic), 0),
    isShortOfFiles: () => files.isShort(),
    stopListening: () => {
      for (const listener of listeners) listener.stop()
    },
    close: async () => {
      files.close()
      await answers.written()
      await Promise.all(listeners.map((listener) => listener.close()))
    },
  }
}

class BunSocket<D> implements RuntimeSocket<D> {
  readonly data: D
  native: Native<D> | undefined = undefined
  readonly #listener: BunListener<BunSocket<D>>
  readonly #listeners: readonly BunListener<BunSocket<D>>[]

  constructor(data: D, listener: BunListener<BunSocket<D>>, listeners: readonly BunListener<BunSocket<D>>[]) {
    this.data = data
    this.#listener = listener
    this.#listeners = listeners
  }

  get bufferedAmount(): number {
    return this.native ? this.native.getBufferedAmount() : 0
  }

  send(payload: Payload, compress: boolean): SendStatus {
    if (!this.native) return 'closed'
    // The second argument alone costs Bun a few per cent of an echo.
    const result = compress ? this.native.send(payload, true) : this.native.send(payload)
    if (result > 0) return 'sent'
    if (result < 0) return 'queued'
    // 0 also stands for an empty message that was sent.
    return payload.length === 0 ? 'sent' : 'dropped'
  }

  publish(topic: string, payload: Payload, compress: boolean): void {
    if (!this.native) return
    this.native.publish(topic, payload, compress)
    for (const listener of this.#listeners) {
      if (listener !== this.#listener) listener.publish(topic, payload, compress)
    }
  }

  subscribe(topic: string): void {
    this.native?.subscribe(topic)
  }

  unsubscribe(topic: string): void {
    this.native?.unsubscribe(topic)
  }

  ping(payload: Payload): void {
    this.native?.ping(payload)
  }

  pong(payload: Payload): void {
    this.native?.pong(payload)
  }

  pause(): boolean {
    // Bun 1.3 lacks it, whatever the types say.
    if (typeof this.native?.pause !== 'function') return false
    this.native.pause()
    return true
  }

  resume(): void {
    if (this.native?.isPaused === true) this.native.resume()
  }

  close(code: number, reason: string): void {
    this.native?.close(code, reason)
  }

  terminate(): void {
    this.native?.terminate()
  }
}

async function readBody({ body }: Request, maxBytes: number): Promise<Uint8Array | undefined> {
  const chunks: Uint8Array[] = []
  let bytes = 0
  try {
    for await (const chunk of (body ?? []) as AsyncIterable<Uint8Array>) {
      bytes += chunk.length
      if (bytes > maxBytes) return undefined
      chunks.push(chunk)
    }
  } catch {
    // The client has gone.
    return undefined
  }
  return Buffer.concat(chunks)
}

/** Reads the body and forgets it: unread, a large one would keep the client from ever having sent it. */
async function drop({ body }: Request): Promise<void> {
  try {
    await body?.pipeTo(new WritableStream())
  } catch {
    // The client has gone.
  }
}

function isHandshake(request: Request): boolean {
  return asksForWebSocket(request.headers.get('upgrade'), request.headers.get('sec-websocket-key'))
}

function copyRequest(request: Request, url: string, server: Server<unknown>, encrypted: boolean): RawRequest {
  const address = server.requestIP(request)
  return {
    method: request.method,
    url,
    // Bun does not tell.
    httpVersion: '1.1',
    rawHeaders: [...request.headers].flat(),
    remoteAddress: address?.address ?? '',
    remotePort: address?.port,
    encrypted,
  }
}

function toResponse(Native: typeof Response, { status, headers, body }: HttpAnswer): Response {
  const close = status >= 400 ? { Connection: 'close' } : {}
  // With a body, even an empty one, it would add a type.
  return new Native(body.length === 0 ? null : (body as string), {
    status,
    headers: { ...close, ...headers },
  })
}

/** Bun ends a connection as 1006 with one of its own texts; users get the code that went on the wire. */
function closeCodeOf(text: string): number {
  if (text === 'Received too big message' || text === 'Received message that does not fit in memory')
    return CloseCode.MessageTooBig
  if (text === 'Received invalid UTF-8' || text === 'Received invalid compressed data')
    return CloseCode.InvalidPayload
  // All others are about frames: an opcode, a reserved bit, a fragment, a mask.
  return text.startsWith('Received ') ? CloseCode.ProtocolError : CloseCode.AbnormalClosure
}
