import type { Clock } from '../engine/clock.ts'
import { describe } from '../engine/errors.ts'
import { pathOf, readHeaders, type RequestHeaders } from '../engine/handshake/request.ts'
import type { Inside } from '../engine/inside.ts'
import type { HttpAnswer, RawRequest, ReadBody } from '../engine/runtime.ts'
import { assertLocal, hasToken } from './access.ts'
import { failed, json, Refused } from './answers.ts'
import { readCommand } from './commands.ts'
import type { FaultPage } from './faults.ts'
import { ControlJournal } from './journal.ts'
import { CONTROL_PATH, isControlPath } from './path.ts'
import { reachOf, type Reach } from './reach.ts'

export interface ControlOptions {
  /** What a request has to carry, as `Authorization: Bearer <token>`. */
  readonly token?: string | undefined
  /** Whether the server listens on loopback addresses alone. */
  readonly isLoopback: boolean
}

const MAX_WAIT_MS = 30_000

/** What there is, and how it is asked; what is no GET changes something. */
const METHODS: ReadonlyMap<string, readonly string[]> = new Map([
  ['journal', ['GET']],
  ['connections', ['GET']],
  ['faults', ['GET', 'PUT', 'DELETE']],
  ['send', ['POST']],
  ['disconnect', ['POST']],
])

/** Of the engine of this process. */
export function controlOf(inside: Inside, clock: Clock, options: ControlOptions): Control {
  return new Control(reachOf(inside), clock, options)
}

/** What other processes may ask of a server, and tell it, over HTTP: see docs/reference/control.md. */
export class Control {
  readonly #reach: Reach
  readonly #clock: Clock
  readonly #options: ControlOptions
  readonly #journal: ControlJournal
  readonly #stop: () => void

  constructor(reach: Reach, clock: Clock, options: ControlOptions) {
    this.#reach = reach
    this.#clock = clock
    this.#options = options
    this.#journal = new ControlJournal(clock)
    this.#stop = reach.listen(this.#journal.listen)
  }

  close(): void {
    this.#stop()
    this.#journal.wake()
  }

  /** Those who wait get what there is. */
  wake(): void {
    this.#journal.wake()
  }

  /** So many things have happened, and nobody can say what. */
  leave(count: number): void {
    this.#journal.leave(count)
  }

  /** `undefined`: the path is none of its. */
  answer(raw: RawRequest, body: ReadBody): Promise<HttpAnswer> | undefined {
    if (!isControlPath(raw.url)) return undefined
    return this.#answer(raw, body).catch(failed)
  }

  async #answer(raw: RawRequest, readBody: ReadBody): Promise<HttpAnswer> {
    const { headers } = readHeaders(raw.rawHeaders)
    assertLocal(raw, headers)
    const name = pathOf(raw.url).slice(CONTROL_PATH.length)
    const query = new URLSearchParams(raw.url.split('?')[1] ?? '')
    const [command = ''] = name.split('/', 1)
    const methods = METHODS.get(command)
    if (!methods || (command !== name && command !== 'faults'))
      throw new Refused(404, 'path', `there is no ${CONTROL_PATH}${name}: ${[...METHODS.keys()].join(', ')}`)
    if (!methods.includes(raw.method))
      throw new Refused(
        405,
        'method',
        `${CONTROL_PATH}${name} takes ${methods.join(', ')}, not ${raw.method}`,
      )
    this.#assertToken(headers, raw.method !== 'GET')
    switch (command) {
      case 'faults':
        return json(await this.#faults(raw.method, name, query.get('connection'), readBody))
      case 'journal':
        return json(
          await this.#journal.wait(wholeOf(query, 'after'), Math.min(MAX_WAIT_MS, wholeOf(query, 'wait'))),
        )
      case 'connections':
        return json(await this.#reach.list())
      case 'send':
        return json(await this.#reach.send(await readCommand(readBody, this.#clock)))
      case 'disconnect':
      default:
        return json(await this.#reach.disconnect(await readCommand(readBody, this.#clock)))
    }
  }

  async #faults(
    method: string,
    name: string,
    connection: string | null,
    readBody: ReadBody,
  ): Promise<FaultPage> {
    if (method === 'GET') return this.#reach.switchFaults({ action: 'list' })
    const path = name.slice('faults'.length)
    const target = { pattern: patternIn(path), connection }
    if (method === 'DELETE')
      return this.#reach.switchFaults({
        action: 'lift',
        target: path === '' && connection === null ? undefined : target,
      })
    return this.#reach.switchFaults({
      action: 'put',
      target,
      command: await readCommand(readBody, this.#clock),
    })
  }

  #assertToken(headers: RequestHeaders, changes: boolean): void {
    const { token, isLoopback } = this.#options
    if (token === undefined) {
      if (isLoopback || !changes) return
      throw new Refused(
        403,
        'token',
        'this server listens beyond loopback, and what changes something needs a token there: control: { token }',
      )
    }
    if (!hasToken(headers, token))
      throw new Refused(401, 'token', 'the token is missing or wrong: Authorization: Bearer <token>')
  }
}

/** Of a handler, as it stands in a URL; nothing is all. */
function patternIn(path: string): string {
  try {
    const pattern = decodeURIComponent(path)
    return pattern === '' ? '*' : pattern
  } catch {
    throw new Refused(
      400,
      'target',
      `${describe(path)} has a malformed escape; it has to be the pattern of a handler`,
    )
  }
}

function wholeOf(query: URLSearchParams, name: string): number {
  const text = query.get(name) ?? '0'
  if (/^\d{1,15}$/.test(text)) return Number(text)
  throw new Refused(400, 'body', `${name} is ${describe(text)}; it has to be a whole number`)
}
