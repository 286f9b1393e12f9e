import type { Server as HttpServer } from 'node:http'
import type { Plugin, PreviewServer, ViteDevServer } from 'vite'
import { describe, SidewireError } from '../engine/errors.ts'
import { INSIDE, type WithInside } from '../engine/inside.ts'
import {
  resolvePluginOptions,
  type PluginOptions,
  type ResolvedPluginOptions,
} from '../engine/handler/options.ts'
import type { Server } from '../server/server.ts'
import type { Host } from './host.ts'
import { Sidecar } from './sidecar.ts'

/** What {@link universalApi} offers besides its hooks, as `plugin.api`. */
export interface PluginApi extends Pick<
  Server,
  'publish' | 'stats' | 'connections' | 'setFaults' | 'resetFaults' | 'disconnect'
> {
  /** The sidecar's own URL, past the dev server; `undefined` while it does not run. */
  readonly url: string | undefined
  /** In middleware mode: leads this server's upgrades to the handlers. Returns a function that takes it back. */
  attach(httpServer: HttpServer): () => void
}

/**
 * What goes into `plugins` of a Vite configuration. Its hooks are Vite's to call, and not named here: the types of one
 * Vite's hooks do not fit those of another, and who only uses `createServer` has no Vite at all.
 */
export interface UniversalApiPlugin {
  readonly name: string
  readonly api: PluginApi
}

/** Among ten plugins, Vite says of an error in the configuration no more than its message. */
function resolveOptions(options: PluginOptions): ResolvedPluginOptions {
  try {
    return resolvePluginOptions(options)
  } catch (cause) {
    if (!(cause instanceof SidewireError)) throw cause
    throw new SidewireError(cause.code, `universalApi() of sidewire: ${cause.message}`, { cause })
  }
}

/** Not by the name of an icon: those are fetched from elsewhere. */
const ICON =
  "data:image/svg+xml,%3Csvg xmlns='http://www.w3.org/2000/svg' viewBox='0 0 32 32'%3E%3Crect width='32' height='32' rx='8' fill='%230f766e'/%3E%3Cpath d='M8 10h7a6 6 0 0 1 0 12h9' fill='none' stroke='%2399f6e4' stroke-width='3' stroke-linecap='round'/%3E%3Ccircle cx='8' cy='10' r='3.5' fill='%23fff'/%3E%3Ccircle cx='24' cy='22' r='3.5' fill='%23fff'/%3E%3C/svg%3E"

/** What Vite DevTools asks of a plugin, as far as it is used: it changes from version to version. */
interface DevtoolsPart {
  setup(context: {
    readonly docks?: { readonly register?: (dock: object) => void }
    readonly viteConfig?: { readonly base?: string }
  }): void
}

const VIRTUAL = 'virtual:sidewire'
const RESOLVED = `\0${VIRTUAL}`

/**
 * The Vite plugin: runs the handlers on a sidecar port and leads the dev server's upgrades to them.
 * @throws `ERR_OPTION`, `ERR_PATTERN`, `ERR_PATTERN_DUPLICATE`, `ERR_RESPONSE`
 */
export function universalApi<const Patterns extends readonly string[] = readonly string[]>(
  options: PluginOptions<Patterns> = {},
): UniversalApiPlugin {
  const resolved = resolveOptions(options)
  // A build never starts anything.
  const sidecar = new Sidecar(resolved)
  /** Servers attached by hand stay so when Vite restarts. */
  const attached = new Set<HttpServer>()
  /** What is left to do once Vite's own middlewares are there. */
  const open = async (host: Host): Promise<() => void> => {
    // Who only uses `createServer` does not load the proxy.
    const { Gateway } = await import('./gateway.ts')
    const gateway = new Gateway(resolved, host, sidecar)
    sidecar.join(gateway)
    for (const httpServer of attached) gateway.attach(httpServer)
    try {
      await gateway.serve()
    } catch (error) {
      // Vite drops the server, and nobody would close it.
      await gateway.close()
      throw error
    }
    return () => gateway.answerRequests()
  }
  const running = <T>(found: T | undefined): T => {
    if (found === undefined)
      throw new Error('the sidewire engine does not run: the dev server has not started yet, or is closed')
    return found
  }

  const plugin: Plugin & UniversalApiPlugin & { readonly api: WithInside; readonly devtools: DevtoolsPart } =
    {
      name: 'sidewire',
      devtools: {
        setup({ docks, viteConfig }) {
          if (!resolved.on || resolved.engine.inspector === false) return
          docks?.register?.({
            id: 'sidewire',
            title: 'WebSockets',
            icon: ICON,
            type: 'iframe',
            url: `${viteConfig?.base?.startsWith('/') ? viteConfig.base : '/'}.sidewire/`,
          })
        },
      },
      api: {
        get [INSIDE]() {
          return (running(sidecar.server) as Server & WithInside)[INSIDE]
        },
        get url() {
          return sidecar.server?.url
        },
        get connections() {
          return sidecar.server?.connections ?? []
        },
        publish: (...args) => running(sidecar.server).publish(...args),
        setFaults: (...args) => running(sidecar.server).setFaults(...args),
        resetFaults: (...args) => running(sidecar.server).resetFaults(...args),
        disconnect: (...args) => running(sidecar.server).disconnect(...args),
        stats: () => running(sidecar.stats()),
        attach(httpServer) {
          if (typeof (httpServer as HttpServer | undefined)?.on !== 'function')
            throw new SidewireError(
              'ERR_OPTION',
              `api.attach() got ${describe(httpServer)}; it takes an HTTP server, such as createServer() of node:http makes`,
            )
          attached.add(httpServer)
          for (const tenant of sidecar.tenants) tenant.attach(httpServer)
          return () => {
            attached.delete(httpServer)
            for (const tenant of sidecar.tenants) tenant.detach(httpServer)
          }
        },
      },
      async configureServer(server: ViteDevServer) {
        return resolved.on ? open({ kind: 'dev', server }) : undefined
      },
      async configurePreviewServer(server: PreviewServer) {
        return resolved.on && resolved.enablePreview ? open({ kind: 'preview', server }) : undefined
      },
      resolveId: (id) => (id === VIRTUAL ? RESOLVED : undefined),
      async load(id) {
        if (id !== RESOLVED) return undefined
        const url = sidecar.tenants.length === 0 ? undefined : (await sidecar.ready).url
        return `export const wsUrl = ${url === undefined ? 'undefined' : JSON.stringify(url)}`
      },
    }
  return plugin
}
