import { GOING_AWAY, type Admission, type Refusal } from './admission.ts'
import { authenticate, type Verdict } from './authenticate.ts'
import { Connection } from '../connection/connection.ts'
import { CLOSE_ANSWER_TIMEOUT_MS, CloseCode } from '../close.ts'
import type { Context } from '../context.ts'
import { Departure } from './departure.ts'
import { Dials } from './dials.ts'
import { describe } from '../errors.ts'
import {
  checkHandshake,
  chooseDeflateOffer,
  chooseSubprotocol,
  MALFORMED_PATH,
  textAnswer,
} from './handshake.ts'
import type { LiveHandler } from '../handler/live-handler.ts'
import type { LiveHandlers } from '../handler/live-handlers.ts'
import { noHandler } from './nearest-handler.ts'
import type { ResolvedEngineOptions } from '../handler/options.ts'
import { isOriginAllowed } from './origin.ts'
import { isPromiseLike } from '../promise.ts'
import type { BackendRelay } from '../upstream/relay.ts'
import { createHandshakeRequest, pathOf, readHeaders, tokens, type HandshakeRequest } from './request.ts'
import type { HttpAnswer, RawRequest, RuntimeCapabilities, UpgradeDecision } from '../runtime.ts'
import { countRefused, type RefusalReason } from '../stats.ts'
import { checkQuery } from '../schema/check.ts'
import { inWords } from '../schema/invalid-error.ts'
import type { SchemaIssue } from '../schema/standard-schema.ts'
import type { Passage } from '../network.ts'
import type { TrafficLog } from '../traffic-log.ts'
import { Waiting } from './waiting.ts'

/** What becomes of a handshake. */
export type Ruling =
  /** With a reason it is closed at once. */
  | (Extract<UpgradeDecision<Connection>, { accept: true }> & { readonly reason?: RefusalReason })
  | (Extract<UpgradeDecision<Connection>, { accept: false }> & { readonly reason: RefusalReason })
type UpgradeOptions = Pick<ResolvedEngineOptions, 'allowedOrigins' | 'authenticateTimeout'>

/** What permessage-deflate the runtime can keep to, and whether it can do without an answer. */
export type Abilities = Pick<
  RuntimeCapabilities,
  'serverWindowBits' | 'smallWindowWithoutTakeover' | 'hangsUp'
>

/** A handshake that is in order, and what is agreed if it is accepted. */
interface Proposal {
  readonly live: LiveHandler
  readonly req: HandshakeRequest
  readonly protocol: string
  readonly extensions: string
  /** Only where what comes next may take long. */
  readonly client: Departure | undefined
}

/** The opening handshakes: from a request to a connection, or to the answer that refuses it. */
export class Upgrades {
  readonly #context: Context
  readonly #handlers: LiveHandlers
  readonly #admission: Admission
  readonly #traffic: TrafficLog | undefined
  #options: UpgradeOptions
  /** For `authenticate`, or for the network. */
  readonly #waiting: Waiting
  readonly #dials: Dials

  constructor(
    context: Context,
    handlers: LiveHandlers,
    admission: Admission,
    options: UpgradeOptions,
    traffic?: TrafficLog,
  ) {
    this.#context = context
    this.#handlers = handlers
    this.#admission = admission
    this.#options = options
    this.#traffic = traffic
    this.#waiting = new Waiting(context.clock)
    this.#dials = new Dials(context)
  }

  update(options: UpgradeOptions): void {
    this.#options = options
  }

  /** How many wait for `authenticate`, for the network or for a backend. */
  get waiting(): number {
    return this.#waiting.size + this.#dials.waiting
  }

  /** Refuses those that wait; the admission refuses those that come. */
  stop(): void {
    this.#waiting.stop()
    this.#dials.stop()
  }

  decide(raw: RawRequest, abilities: Abilities): Ruling | Promise<Ruling> {
    const proposal = this.#examine(raw, abilities)
    if ('accept' in proposal) return proposal
    const { live, req } = proposal
    const passage = this.#context.network?.arrive(live.handler.pattern.source, req)
    return passage ? this.#pass(proposal, passage, raw, abilities) : this.#check(proposal)
  }

  /** Through a network that is not perfect. */
  #pass(
    proposal: Proposal,
    { delay, refuse }: Passage,
    { onGone }: RawRequest,
    { hangsUp }: Abilities,
  ): Ruling | Promise<Ruling> {
    const pass = (): Ruling | Promise<Ruling> => {
      if (!refuse) return this.#check(proposal)
      if (refuse.kind === 'close') return this.#acceptAndClose(proposal, 'fault', refuse)
      const status = refuse.kind === 'status' ? refuse.status : 503
      return this.#refuse(
        'fault',
        refuse.kind === 'status' || !hangsUp ? textAnswer(status, 'Refused by a fault') : undefined,
      )
    }
    const never = refuse?.kind === 'hang' ? new Promise<never>(() => {}) : undefined
    const wait = never ?? delay
    if (!wait) return pass()
    const client = proposal.client ?? new Departure(onGone)
    return this.#waiting.settle<void, Ruling>(
      wait,
      {
        settled: pass,
        failed: (thrown) => this.#failAuthenticate(proposal.live, thrown),
        stopped: () => this.#refuseAs(GOING_AWAY),
        failedLate: () => {},
      },
      { leaving: { client, gone: () => this.#refuse('fault', undefined) } },
    )
  }

  #acceptAndClose(
    { live, req, protocol, extensions }: Proposal,
    reason: RefusalReason,
    rejection: { readonly code: number; readonly reason: string },
  ): Ruling {
    countRefused(this.#context.stats, reason)
    const data = new Connection(live, req, undefined, protocol, rejection)
    return { accept: true, data, protocol, extensions, reason }
  }

  /** Whether the query is as the handler wants it. */
  #check(proposal: Proposal): Ruling | Promise<Ruling> {
    const { live, req } = proposal
    const { query } = live.handler.schema
    if (query === undefined) return this.#authenticate(proposal)
    const failed = (thrown: unknown): Ruling => {
      live.hooks.failAlone('schema.query', thrown)
      return this.#refuse('query', textAnswer(500, 'The query could not be checked'))
    }
    const checked = (issue: SchemaIssue | undefined): Ruling | Promise<Ruling> =>
      issue === undefined
        ? this.#authenticate(proposal)
        : this.#refuse('query', textAnswer(400, `Invalid query: ${inWords(issue)}`))
    try {
      const issue = checkQuery(query, req.url)
      if (!isPromiseLike(issue)) return checked(issue)
      return this.#settleInTime(live, issue, 'schema.query', checked, failed)
    } catch (thrown) {
      return failed(thrown)
    }
  }

  #authenticate(proposal: Proposal): Ruling | Promise<Ruling> {
    const { live, req } = proposal
    const failed = (thrown: unknown): Ruling => this.#failAuthenticate(live, thrown)
    try {
      const verdict = authenticate(live.handler.source, req)
      if (!isPromiseLike(verdict)) return this.#settle(proposal, verdict)
      return this.#settleInTime(
        live,
        verdict,
        'authenticate',
        (settled) => this.#settle(proposal, settled),
        failed,
      )
    } catch (thrown) {
      return failed(thrown)
    }
  }

  #examine(raw: RawRequest, abilities: Abilities): Proposal | Ruling {
    const read = readHeaders(raw.rawHeaders)
    const { headers } = read
    const malformed = checkHandshake(raw, headers)
    if (malformed) return this.#refuse('malformed', malformed)
    const path = pathOf(raw.url)
    const found = this.#handlers.find(path)
    if (!found) {
      const nearest = this.#handlers.nearest(path)
      this.#traffic?.unmatched(path, nearest)
      return this.#refuse('path', textAnswer(404, noHandler(nearest)))
    }
    const { target: live, params } = found
    if (params === 'malformed') return this.#refuse('malformed', MALFORMED_PATH)
    if (!isOriginAllowed(headers['origin'], headers['host'], this.#options.allowedOrigins, raw.isHostKnown)) {
      this.#context.logger.warn(
        `refused a connection from the origin ${describe(headers['origin'])}; ` +
          'if that page is yours, add it to the option allowedOrigins',
      )
      return this.#refuse('origin', textAnswer(403, 'This origin may not connect'))
    }
    const full = this.#admission.refuse(raw.remoteAddress)
    if (full) return this.#refuseAs(full)
    const protocol = chooseSubprotocol(headers['sec-websocket-protocol'], live.handler.source.subprotocols)
    if (protocol === undefined)
      return this.#refuse('subprotocol', textAnswer(400, 'None of the offered subprotocols is spoken here'))
    const req = createHandshakeRequest(raw, params, read)
    const extensions =
      live.handler.compressFrom === Infinity
        ? ''
        : chooseDeflateOffer(
            headers['sec-websocket-extensions'],
            abilities.serverWindowBits,
            abilities.smallWindowWithoutTakeover,
          )
    const client = live.handler.upstream === undefined ? undefined : new Departure(raw.onGone)
    return { live, req, protocol, extensions, client }
  }

  #settle(proposal: Proposal, verdict: Verdict): Ruling | Promise<Ruling> {
    const { live, protocol } = proposal
    if (verdict.kind === 'refuse')
      return this.#refuse('authenticate', textAnswer(verdict.status, verdict.reason))
    const obstacle = this.#obstacle(proposal)
    if (obstacle) return obstacle
    if (verdict.kind === 'close') return this.#acceptAndClose(proposal, 'authenticate', verdict)
    if (live.handler.upstream !== undefined) return this.#connect(proposal, verdict.data)
    return this.#accept(proposal, verdict.data, protocol)
  }

  /** The backend is asked before the client is answered: its refusals are the client's, and so is its choice. */
  async #connect(proposal: Proposal, data: unknown): Promise<Ruling> {
    const { live, req, client } = proposal
    const [dialled, { BackendRelay: Relay }] = await Promise.all([
      this.#dials.dial(live, req, client, this.#options.authenticateTimeout),
      // Most servers have no backend, and need none of it.
      import('../upstream/relay.ts'),
    ])
    if (dialled.refusal) return this.#refuseAs(dialled.refusal)
    const { backend } = dialled
    const obstacle = this.#obstacle(proposal)
    if (obstacle) {
      backend?.close(CloseCode.GoingAway, '')
      this.#context.clock.after(CLOSE_ANSWER_TIMEOUT_MS, () => backend?.terminate())
      return obstacle
    }
    if (!backend) return this.#accept(proposal, data, proposal.protocol)
    // RFC 6455 4.2.2: only one that the client has offered, whatever was offered to the backend.
    const isOffered = tokens(req.headers['sec-websocket-protocol']).includes(backend.subprotocol)
    return this.#accept(
      proposal,
      data,
      isOffered ? backend.subprotocol : '',
      (conn) => new Relay(conn, backend),
    )
  }

  /** Others may have come in meanwhile, or a reload has taken the handler away. */
  #obstacle({ live, req }: Proposal): Ruling | undefined {
    if (!this.#handlers.serves(live)) return this.#refuse('path', textAnswer(404, 'This handler was removed'))
    const full = this.#admission.refuseAuthenticated(req.socket.remoteAddress)
    return full && this.#refuseAs(full)
  }

  #accept(
    { live, req, extensions }: Proposal,
    data: unknown,
    protocol: string,
    relayOf?: (conn: Connection) => BackendRelay,
  ): Ruling {
    const conn = new Connection(live, req, data, protocol)
    if (relayOf) conn.relay = relayOf(conn)
    this.#admission.accepted(conn)
    return { accept: true, data: conn, protocol, extensions }
  }

  /** What says whether a client may come in has `authenticateTimeout` for it. */
  #settleInTime<Value>(
    live: LiveHandler,
    pending: PromiseLike<Value>,
    hook: string,
    settled: (value: Value) => Ruling | Promise<Ruling>,
    failed: (thrown: unknown) => Ruling,
  ): Promise<Ruling> {
    const { authenticateTimeout } = this.#options
    const late = (): Ruling => {
      this.#context.logger.warn(
        `${live.handler.pattern.source}: ${hook} did not answer within ${authenticateTimeout} ms (authenticateTimeout)`,
      )
      return this.#refuse('authenticateTimeout', textAnswer(503, 'Authentication took too long'))
    }
    return this.#waiting.settle<Value, Ruling>(
      pending,
      {
        settled,
        failed,
        stopped: () => this.#refuseAs(GOING_AWAY),
        failedLate: (thrown) => live.hooks.failAlone(hook, thrown),
      },
      { limit: { ms: authenticateTimeout, late } },
    )
  }

  #failAuthenticate(live: LiveHandler, thrown: unknown): Ruling {
    live.hooks.failAlone('authenticate', thrown)
    return this.#refuse('authenticate', textAnswer(500, 'Authentication failed'))
  }

  #refuseAs({ reason, answer }: Refusal): Ruling {
    return this.#refuse(reason, answer)
  }

  /** @param answer - without one it is hung up on */
  #refuse(reason: RefusalReason, answer: HttpAnswer | undefined): Ruling {
    countRefused(this.#context.stats, reason)
    return { accept: false, answer, reason }
  }
}
