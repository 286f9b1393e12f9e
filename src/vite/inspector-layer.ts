import type { ServerResponse } from 'node:http'
import { pathOf, readHeaders } from '../engine/handshake/request.ts'
import { writeAnswer } from '../runtime/raw-answer.ts'
import { readBody } from '../runtime/read-body.ts'
import { PAGE, type Answering } from '../server/behind.ts'
import type { Server } from '../server/server.ts'
import { isServed, type ClaimRules } from './claim.ts'
import type { Host } from './host.ts'
import { rawOf, urlOf, type Request } from './raw-request.ts'

const PATH = '.sidewire/'

/** The inspector's page at the dev server, below its base. */
export class InspectorLayer {
  readonly #dev: Extract<Host, { kind: 'dev' }>['server']
  readonly #server: () => Server | undefined
  readonly #allowedHosts: () => ClaimRules['allowedHosts']

  constructor(
    { server }: Extract<Host, { kind: 'dev' }>,
    engine: () => Server | undefined,
    allowedHosts: () => ClaimRules['allowedHosts'],
  ) {
    this.#dev = server
    this.#server = engine
    this.#allowedHosts = allowedHosts
  }

  /** Behind Vite's own look at `Host`, and before it takes off the base. */
  place(): void {
    this.#dev.middlewares.use((request, response, next) => {
      const answer = this.#answer(request)
      if (answer) void answer.then((made) => write(response, made))
      else next()
    })
    this.#addShortcut()
  }

  /** `undefined` while nobody can open it. */
  urlAt(ownUrl: string | undefined): string | undefined {
    return ownUrl === undefined ? undefined : new URL(this.#base + PATH, ownUrl).href
  }

  get #base(): string {
    const { base } = this.#dev.config
    return base.startsWith('/') ? base : '/'
  }

  #answer(request: Request): ReturnType<Answering[typeof PAGE]> {
    const url = urlOf(request)
    const path = pathOf(url)
    const own = this.#base + PATH
    if (!path.startsWith(own) && path !== own.slice(0, -1)) return undefined
    const server = this.#server() as (Server & Answering) | undefined
    if (!server) return undefined
    const raw = rawOf(request)
    const { host } = readHeaders(raw.rawHeaders).headers
    const isHostKnown = isServed(host, this.#allowedHosts())
    return server[PAGE]({ ...raw, url: url.slice(this.#base.length - 1), isHostKnown }, readBody(request))
  }

  /** `i` + enter, beside Vite's own. */
  #addShortcut(): void {
    const dev = this.#dev
    const bind = dev.bindCLIShortcuts.bind(dev)
    dev.bindCLIShortcuts = (options) => {
      const own = options?.customShortcuts ?? []
      const isTaken = own.some((shortcut) => shortcut?.key === 'i')
      bind({ ...options, customShortcuts: isTaken ? own : [...own, this.#shortcut] })
    }
  }

  readonly #shortcut = {
    key: 'i',
    description: 'open the WebSocket inspector',
    action: (): void => {
      const { server } = this.#dev.config
      const before = server.open
      // Where `openBrowser` looks for what to open.
      server.open = this.#base + PATH
      this.#dev.openBrowser()
      if (before === undefined) Reflect.deleteProperty(server, 'open')
      else server.open = before
    },
  }
}

function write(response: ServerResponse, made: Parameters<typeof writeAnswer>[1]): void {
  if (!response.destroyed) writeAnswer(response, made)
}
