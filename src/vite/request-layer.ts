import { existsSync } from 'node:fs'
import type { ServerResponse } from 'node:http'
import { join, resolve } from 'node:path'
import { pathOf } from '../engine/handshake/request.ts'
import { writeAnswer } from '../runtime/raw-answer.ts'
import { ANSWER, type Answering } from '../server/behind.ts'
import type { Server } from '../server/server.ts'
import { isUnder } from './handler-paths.ts'
import type { Host } from './host.ts'
import { rawOf, urlOf, type Request } from './raw-request.ts'

interface Handlers {
  /** Settles when it is known whether a handler answers this path; `undefined` if it is, or if nobody shall wait. */
  starting(path: string): Promise<unknown> | undefined
  /** Whether the handler that takes the path answers plain HTTP. */
  answers(path: string): boolean
  server(): Server | undefined
}

type Handle = (request: Request, response: ServerResponse, next: () => void) => void

/** How the functions are called that Vite puts into its stack. */
const OF_VITE = /^vite[A-Z]/
const BASE = 'viteBaseMiddleware'
const FALLBACK = 'viteHtmlFallbackMiddleware'

/**
 * Plain HTTP for handlers with `onRequest`. It stands behind all that Vite has of its own (proxies, modules, files), and
 * what other plugins put in front of that; before Vite's fallback to a page, and the one of a framework. What is in the
 * project is nobody's who comes later.
 */
export class RequestLayer {
  readonly #host: Host
  readonly #handlers: Handlers

  constructor(host: Host, handlers: Handlers) {
    this.#host = host
    this.#handlers = handlers
  }

  place(): void {
    const { stack } = this.#host.server.middlewares
    const nameOf = ({ handle }: (typeof stack)[number]): string =>
      typeof handle === 'function' ? handle.name : ''
    const last = stack.findLastIndex((layer) => OF_VITE.test(nameOf(layer)) && nameOf(layer) !== FALLBACK)
    stack.splice(last === -1 ? stack.length : last + 1, 0, { route: '', handle: this.#take })
    // With a base, handlers are also reached without it; there Vite has only a hint for who forgot it.
    const base = stack.findIndex((layer) => nameOf(layer) === BASE)
    if (base !== -1) stack.splice(base, 0, { route: '', handle: this.#takeOutside })
  }

  readonly #takeOutside: Handle = (request, response, next) => {
    const base = this.#host.server.config.base.replace(/\/$/, '')
    if (isUnder(pathOf(urlOf(request)), base)) next()
    else this.#take(request, response, next)
  }

  readonly #take: Handle = (request, response, next) => {
    const path = pathOf(urlOf(request))
    const starting = this.#handlers.starting(path)
    if (starting) {
      const again = (): void => this.#take(request, response, next)
      starting.then(again, next)
      return
    }
    const server = this.#handlers.answers(path) ? (this.#handlers.server() as Server & Answering) : undefined
    if (!server || this.#isPage(request)) next()
    else void answer(server, request, response, next)
  }

  /** What Vite serves behind this: a page of the project, asked for with or without its extension. */
  #isPage({ method, url = '/' }: Request): boolean {
    const { root, build, appType } = this.#host.server.config
    if ((method !== 'GET' && method !== 'HEAD') || appType === 'custom') return false
    const folder = this.#host.kind === 'dev' ? root : resolve(root, build.outDir)
    const path = pathOf(url)
    const file = path.endsWith('.html') ? path : path.endsWith('/') ? `${path}index.html` : `${path}.html`
    try {
      return existsSync(join(folder, decodeURIComponent(file)))
    } catch {
      return false
    }
  }
}

async function answer(
  server: Answering,
  request: Request,
  response: ServerResponse,
  next: () => void,
): Promise<void> {
  request.resume() // its body is nobody's
  const made = await server[ANSWER](rawOf(request))
  if (made) writeAnswer(response, made)
  else next()
}
