import type { Server as HttpServer } from 'node:http'
import type { Host } from './host.ts'
import type { HandlerPath } from './handler-paths.ts'
import { proxyParent } from './parent-server.ts'

interface Key {
  readonly source: string
  /** As Vite reads a key: an expression if it starts with `^`, else the start of the URL. */
  readonly expression: RegExp | undefined
}

/** What may stand for a wildcard where it is asked whether an expression takes all that a pattern matches. */
const SAMPLES = ['x', '1', 'a-b']

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
   * Whether the proxy gets an upgrade that this handler matches, if any does: it does unless the handler names more of
   * the path than each key does, and no expression matches.
   */
  takes(httpServer: HttpServer, url: string, handler?: HandlerPath): boolean {
    if (httpServer !== this.server) return false
    const literal = handler && literalOf(handler)
    return this.#keys.some(({ source, expression }) => {
      if (expression) return expression.test(url)
      return url.startsWith(source) && !(literal !== undefined && literal.length > source.length)
    })
  }

  /** The key that takes all that the handler matches. */
  hiding(handler: HandlerPath): string | undefined {
    const literal = literalOf(handler)
    const start = startOf(handler)
    const paths = SAMPLES.map(
      (sample) => handler.prefix + encodeURI(fill(handler.pattern, sample).toWellFormed()),
    )
    return this.#keys.find(({ source, expression }) =>
      expression
        ? paths.every((path) => expression.test(path))
        : start.startsWith(source) && literal.length <= source.length,
    )?.source
  }

  /** One line for each key that hides some of these handlers. */
  warnings(handlers: readonly HandlerPath[]): string[] {
    const hidden = new Map<string, string[]>()
    for (const handler of handlers) {
      const key = this.hiding(handler)
      if (key === undefined) continue
      hidden.set(key, [...(hidden.get(key) ?? []), handler.prefix + handler.pattern])
    }
    return [...hidden].map(([key, paths]) => {
      const [who, whose] = paths.length === 1 ? ['the handler', 'its'] : ['the handlers', 'their']
      const cure = key.startsWith('^')
        ? 'an expression takes all that it matches: narrow it'
        : 'it names as much of the path: shorten the key, or name more in the pattern'
      return (
        `${who} ${paths.join(', ')} cannot be reached: the key "${key}" of ${this.#option} takes ${whose} upgrades, ` +
        `because ${cure}, or let this proxy take no WebSockets (no "ws: true", and a target with "http:")`
      )
    })
  }
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

function fill(pattern: string, sample: string): string {
  return pattern.replace(/\{(?:[^{}]|\{[^{}]*\})*\}|\*+|\?/g, sample)
}
