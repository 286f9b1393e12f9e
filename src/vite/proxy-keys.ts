import type { Server as HttpServer } from 'node:http'
import type { Host } from './host.ts'
import type { HandlerPath, HandlerPaths } from './handler-paths.ts'
import { proxyParent } from './parent-server.ts'

interface Key {
  readonly source: string
  /** As Vite reads a key: an expression if it starts with `^`, else the start of the URL. */
  readonly expression: RegExp | undefined
}

/** Why a handler gets no upgrade. */
interface Hiding {
  /** The key that takes them all. */
  readonly key: string
  /** The handler before it that they would be led to otherwise. */
  readonly before: HandlerPath | undefined
}

/** The keys of `server.proxy` or `preview.proxy` that take WebSockets, and what they leave to the handlers. */
export class ProxyKeys {
  /** The one whose upgrades Vite leads to the proxies, if it has any. */
  readonly server: HttpServer | undefined
  readonly #option: string
  readonly #keys: readonly Key[]

  constructor({ kind, server }: Host) {
    const { config } = server
    const own = (server.httpServer ?? proxyParent(config)) as HttpServer | undefined
    const proxies = own && config[kind === 'dev' ? 'server' : 'preview'].proxy
    this.server = proxies && own
    // Preview takes those of the dev server if it has none of its own.
    this.#option = proxies === config.server.proxy ? 'server.proxy' : 'preview.proxy'
    this.#keys = Object.entries(proxies ?? {}).flatMap(([source, target]) => {
      const proxy = typeof target === 'string' ? { target } : target
      const url = proxy?.target instanceof URL ? proxy.target.href : proxy?.target
      // Vite skips a key without a value, and a target that is an object is never one for WebSockets by itself.
      if (!proxy?.ws && !(typeof url === 'string' && /^wss?:/.test(url))) return []
      return [{ source, expression: source.startsWith('^') ? new RegExp(source) : undefined }]
    })
  }

  /**
   * Whether the proxy gets an upgrade that this handler is the first to match, if any does: it does unless the handler
   * names more of the path than each key does, and no expression matches.
   */
  takes(httpServer: HttpServer, url: string, handler?: HandlerPath): boolean {
    return httpServer === this.server && this.#keys.some((key) => takes(key, url, handler))
  }

  /** What keeps all upgrades from this handler; asked of samples, as of what clients ask for. */
  hiding(handler: HandlerPath, paths: HandlerPaths): Hiding | undefined {
    if (this.#keys.length === 0) return undefined
    const samples = paths.samples(handler)
    const start = startOf(handler)
    const found = this.#keys.find(
      (key) =>
        (key.expression || start.startsWith(key.source)) &&
        samples.every(({ path, taker }) => takes(key, path, taker)),
    )
    if (!found) return undefined
    // What the key takes of this one too is no fault of others.
    const isOwn = samples.every(({ path }) => takes(found, path, handler))
    const before = isOwn ? undefined : samples.find(({ taker }) => taker !== handler)?.taker
    return { key: found.source, before }
  }

  /** One line for each reason for which some of these handlers are hidden. */
  warnings(paths: HandlerPaths): string[] {
    const hidden = new Map<string, { readonly handlers: string[]; readonly hiding: Hiding }>()
    for (const handler of paths.all) {
      const hiding = this.hiding(handler, paths)
      if (!hiding) continue
      const reason = JSON.stringify(hiding)
      const known = hidden.get(reason) ?? { handlers: [], hiding }
      known.handlers.push(nameOf(handler))
      hidden.set(reason, known)
    }
    return [...hidden.values()].map(({ handlers, hiding: { key, before } }) => {
      const [who, whose] = handlers.length === 1 ? ['the handler', 'its'] : ['the handlers', 'their']
      const cure = before
        ? `the first handler that matches decides, here ${nameOf(before)}, which names no more of the path than the key: put it behind`
        : key.startsWith('^')
          ? 'an expression takes all that it matches: narrow it'
          : 'it names as much of the path: shorten the key, or name more in the pattern'
      return (
        `${who} ${handlers.join(', ')} cannot be reached: the key "${key}" of ${this.#option} takes ${whose} upgrades, ` +
        `because ${cure}, or let this proxy take no WebSockets (no "ws: true", and a target with "http:")`
      )
    })
  }
}

function takes({ source, expression }: Key, url: string, handler: HandlerPath | undefined): boolean {
  if (expression) return expression.test(url)
  return url.startsWith(source) && !(handler && literalOf(handler).length > source.length)
}

function nameOf({ prefix, pattern }: HandlerPath): string {
  return prefix + pattern
}

/** What every path that the handler matches begins with, as clients write it. */
function startOf({ prefix, pattern }: HandlerPath): string {
  const [literal = ''] = pattern.split(/[?*{]/, 1)
  return prefix + encodeURI(literal.toWellFormed())
}

/** The same without the slash before a wildcard: `/api/**` names no more than `/api`. */
function literalOf(handler: HandlerPath): string {
  const start = startOf(handler)
  return /[?*{]/.test(handler.pattern) ? start.replace(/\/$/, '') : start
}
