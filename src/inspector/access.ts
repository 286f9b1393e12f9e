import { isHostAllowed } from 'host-validation-middleware'
import { hasToken } from '../control/access.ts'
import { Refused } from '../control/answers.ts'
import type { Clock } from '../engine/clock.ts'
import { describe } from '../engine/errors.ts'
import { normalizeAddress, readHeaders, type RequestHeaders } from '../engine/handshake/request.ts'
import { isLoopback } from '../engine/loopback.ts'
import type { RawRequest } from '../engine/runtime.ts'

export interface AccessOptions {
  readonly token: string | undefined
  /** Names besides those of this machine. */
  readonly allowedHosts: readonly string[]
  /** Whether the server listens on loopback addresses alone. */
  readonly listensOnLoopback: boolean
}

/** Wrong tokens that are looked at in a second. */
const TRIES_PER_S = 5
const SECOND_MS = 1000

/**
 * Who may see the page, and ask for what it shows. It shows what clients send, and can send and cut itself, so the rule is
 * narrower than the one for handlers: this machine, or whoever has the token; under a name that is ours, because another
 * may have been bound to our address (CVE-2025-24010); and data only for the page itself, whatever else the browser has
 * open (CVE-2025-24964).
 */
export class Access {
  readonly #options: AccessOptions
  readonly #clock: Clock
  #second = 0
  /** Wrong tokens in this second, by who has sent them: nobody shall keep out others. */
  readonly #wrong = new Map<string, number>()

  constructor(options: AccessOptions, clock: Clock) {
    this.#options = options
    this.#clock = clock
  }

  /** To see the page, which is the same for everybody. @returns the headers, read. @throws `Refused` */
  assertHost(raw: RawRequest): RequestHeaders {
    const { token, allowedHosts, listensOnLoopback } = this.#options
    const { headers } = readHeaders(raw.rawHeaders)
    const isFromHere =
      isLoopback(normalizeAddress(raw.remoteAddress)) &&
      headers['x-forwarded-for'] === undefined &&
      headers['forwarded'] === undefined
    if (token === undefined && !(listensOnLoopback && isFromHere))
      throw new Refused(
        403,
        'address',
        'the inspector answers this machine alone, and only where the server listens on loopback: ' +
          'inspector: { token } lets others in; see docs/guide/inspector.md',
      )
    const host = headers['host']
    if (raw.isHostKnown !== true && !isHostAllowed(host, [...allowedHosts]))
      throw new Refused(
        403,
        'origin',
        `the Host ${describe(host)} is none that the inspector knows: inspector: { allowedHosts }, under Vite server.allowedHosts`,
      )
    return headers
  }

  /** To see what is in it. @throws `Refused` */
  assertPage(raw: RawRequest): void {
    const headers = this.assertHost(raw)
    const { origin, host = '', 'sec-fetch-site': site } = headers
    const own = `${raw.encrypted ? 'https' : 'http'}://${host}`
    if (origin?.toLowerCase() !== own.toLowerCase() || (site !== undefined && site !== 'same-origin'))
      throw new Refused(
        403,
        'origin',
        `only the inspector's own page is answered, not ${origin === undefined ? 'one without an Origin' : describe(origin)}`,
      )
    this.#assertToken(headers, raw.remoteAddress)
  }

  #assertToken(headers: RequestHeaders, address: string): void {
    const { token } = this.#options
    if (token === undefined) return
    const second = Math.floor(this.#clock.now() / SECOND_MS)
    if (second !== this.#second) {
      this.#second = second
      this.#wrong.clear()
    }
    const wrong = this.#wrong.get(address) ?? 0
    if (wrong >= TRIES_PER_S) throw new Refused(429, 'token', 'too many wrong tokens: try again in a second')
    if (hasToken(headers, token)) return
    this.#wrong.set(address, wrong + 1)
    throw new Refused(
      401,
      'token',
      'the token is missing or wrong: open the page as /.sidewire/#token=<token>',
    )
  }
}
