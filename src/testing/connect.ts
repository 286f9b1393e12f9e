import { systemClock } from '../engine/clock.ts'
import { assertCloseCode, CLOSE_ANSWER_TIMEOUT_MS, truncateReason } from '../engine/close.ts'
import { translationOf, type Translation } from '../engine/connection/codec.ts'
import { pathOf } from '../engine/handshake/request.ts'
import type { Answer } from '../wire/answer.ts'
import { ClientSocket, type End } from '../wire/client-socket.ts'
import { Barrier } from './barrier.ts'
import { resolveConnectOptions, type ConnectOptions, type ResolvedConnectOptions } from './connect-options.ts'
import { ExpectationError, RefusedError } from './failure.ts'
import { Journal, type Closed, type Entry } from './journal.ts'
import { MessageLog } from './messages.ts'
import { Wait } from './wait.ts'
import type { TestPeer } from './test-connection.ts'

/** The client's side of a connection to a server under test. */
export interface TestClient<In = any, Out = any> extends TestPeer<In, Out>, AsyncDisposable {
  readonly url: string
  /** The subprotocol that the server chose; '' if none was offered. */
  readonly protocol: string
  /** Of the server's answer, by name in small letters. */
  readonly headers: Readonly<Record<string, string>>
}

/**
 * Opens a connection to any server: `await using client = await connect('ws://localhost:8787/api/ws/chat')`.
 * @throws `RefusedError` if the server answers with a status that is not 101, `ExpectationError` if it does not open
 * for another reason, the reason of the `signal`, `ERR_OPTION`
 */
export async function connect<In = any, Out = any>(
  url: string | URL,
  options: ConnectOptions = {},
): Promise<TestClient<In, Out>> {
  return (await ClientSide.open(resolveConnectOptions(url, options))) as TestClient<In, Out>
}

/** Larger messages end the connection with 1009. */
const MAX_PAYLOAD = 100 * 1024 * 1024

class ClientSide implements TestClient {
  readonly url: string
  readonly received: MessageLog
  readonly sent: unknown[] = []
  readonly closed: Promise<Closed>
  protocol = ''
  headers: Readonly<Record<string, string>> = {}
  readonly #socket: ClientSocket
  readonly #translation: Translation
  readonly #path: string
  readonly #journal = new Journal()
  readonly #start = systemClock.now()
  #isOpen = false
  #end: End | undefined
  #wake: () => void = () => {}
  #close: (closed: Closed) => void = () => {}

  static async open(options: ResolvedConnectOptions): Promise<ClientSide> {
    const wait = new Wait(options.timeout, options.signal, 'timeout')
    let side: ClientSide | undefined
    try {
      if (wait.aborted) throw wait.aborted.reason
      side = new ClientSide(options)
      await side.#opened(wait)
      return side
    } catch (error) {
      side?.drop()
      throw error
    } finally {
      wait.end()
    }
  }

  private constructor({ target, timeout, codec, protocols, headers, tls }: ResolvedConnectOptions) {
    this.url = target.url
    this.#path = pathOf(target.path)
    this.#translation = translationOf({ codec })
    this.closed = new Promise((resolve) => {
      this.#close = resolve
    })
    const barrier = new Barrier(timeout)
    const socket = new ClientSocket(
      {
        target,
        protocols,
        headers,
        tls,
        handshakeTimeout: Infinity, // it is waited for as long as the test says
        closeTimeout: CLOSE_ANSWER_TIMEOUT_MS,
        maxPayload: MAX_PAYLOAD,
        checksText: true,
        refuse: (answer) => choseNone(answer, protocols),
      },
      {
        open: (_socket, answer) => this.#open(answer),
        message: (bytes, start, end, isText) =>
          this.#receive(
            isText ? bytes.toString('utf8', start, end) : Buffer.from(bytes.subarray(start, end)),
          ),
        pong: (payload) => barrier.answered(reachable, payload),
        ended: (end) => this.#ended(end),
      },
    )
    const reachable = {
      get closed() {
        return !socket.isOpen
      },
      isPaused: false,
      ping: (text: string) => socket.ping(Buffer.from(text)),
    }
    this.#socket = socket
    this.received = new MessageLog({
      what: `the server of ${this.url}`,
      timeout,
      journal: this.#journal,
      settled: () =>
        barrier.settled(
          () => [reachable],
          () => this.#journal.count,
        ),
    })
  }

  send(data: unknown): void {
    if (!this.#socket.isOpen) throw new Error(`the connection to ${this.url} is closed: nothing is sent`)
    const raw = this.#translation.encode(data)
    this.#socket.send(raw)
    const read = this.#read(raw)
    this.sent.push(read)
    this.#note({ kind: 'out', data: read, raw })
  }

  close(code?: number, reason = ''): void {
    if (code !== undefined) assertCloseCode(code)
    this.#socket.close(code, truncateReason(reason))
  }

  drop(): void {
    this.#socket.destroy()
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.close()
    await this.closed
  }

  /** Resolves when it is open. @throws why it is not */
  async #opened(wait: Wait): Promise<void> {
    await new Promise<void>((resolve) => {
      this.#wake = resolve
      wait.whenOver(resolve)
    })
    if (this.#isOpen) return
    if (this.#end) throw failure(this.url, this.#end)
    if (wait.aborted) throw wait.aborted.reason
    throw new ExpectationError(`${this.url} did not open within ${wait.timeout} ms`)
  }

  #open(answer: Answer): void {
    this.#isOpen = true
    this.protocol = answer.headers['sec-websocket-protocol'] ?? ''
    this.headers = answer.headers
    this.#note({ kind: 'connect' })
    this.#wake()
  }

  #receive(raw: string | Buffer): void {
    const data = this.#read(raw)
    this.#note({ kind: 'in', data, raw })
    this.received.push(data)
  }

  #ended(end: End): void {
    this.#end = end
    const { code, reason, wasClean, why } = end
    const close: Closed = { code, reason, wasClean }
    if (!wasClean && why !== '') this.#note({ kind: 'error', error: new Error(why, { cause: end.error }) })
    this.#note({ kind: 'close', close })
    this.received.end(close)
    this.#close(close)
    this.#wake()
  }

  #note(what: Omit<Entry, 'at' | 'connection' | 'path'>): void {
    this.#journal.add({ at: systemClock.now() - this.#start, connection: 0, path: this.#path, ...what })
  }

  #read(payload: string | Uint8Array): unknown {
    try {
      return this.#translation.decode(payload)
    } catch {
      return payload
    }
  }
}

/** Browsers end a connection whose server speaks none of what they have offered. */
function choseNone({ headers }: Answer, protocols: readonly string[]): string | undefined {
  return protocols.length > 0 && headers['sec-websocket-protocol'] === undefined
    ? `the server chose no subprotocol, and ${protocols.join(', ')} ${protocols.length === 1 ? 'was' : 'were'} offered`
    : undefined
}

function failure(url: string, { answer, why, error }: End): ExpectationError {
  if (answer) return new RefusedError(url, answer.statusLine, answer)
  const { code = '' } = (error ?? {}) as NodeJS.ErrnoException
  const cure = /CERT|SIGNATURE/.test(code)
    ? '; give its certificate to the option "tls" as ca, or set rejectUnauthorized: false there'
    : ''
  return new ExpectationError(`${url} did not open: ${why}${cure}`, undefined, undefined, { cause: error })
}
