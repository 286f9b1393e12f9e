import pc from 'picocolors'
import { placesOf } from '../engine/handshake/routing.ts'
import type { UniversalApiWsHandler } from '../engine/handler/handler.ts'
import type { Server } from '../server/server.ts'
import type { HandlerPath } from './handler-paths.ts'

/** The lines under Vite's own URLs: each handler that can be reached there, with its options, and the sidecar. */
export function describeHandlers(
  handlers: readonly UniversalApiWsHandler[],
  prefixes: readonly string[],
  isHidden: (path: HandlerPath) => boolean,
  ownUrl: string | undefined,
  inspectorUrl: string | undefined,
  sidecar: Server,
): string[] {
  const origin = ownUrl ? new URL(ownUrl).origin.replace(/^http/, 'ws') : sidecar.url
  const lines = handlers
    .filter((handler) => !handler.disabled)
    .flatMap((handler) =>
      placesOf(handler, prefixes)
        .filter((place) => !isHidden(place))
        .map(({ path }) => {
          const url = pc.cyan(`${origin}${path}`)
          return `  ${pc.green('➜')}  ${pc.bold('WebSocket')}: ${url}${optionsOf(handler)}`
        }),
    )
  if (inspectorUrl !== undefined)
    lines.push(`  ${pc.green('➜')}  ${pc.bold('Inspector')}: ${pc.cyan(inspectorUrl)}`)
  const runtime = `${pc.dim('runtime')} ${sidecar.runtime} ${pc.dim('at')} ${sidecar.url}`
  return [...lines, `  ${pc.green('➜')}  ${pc.bold('sidewire')}: ${runtime}`]
}

function optionsOf(handler: UniversalApiWsHandler): string {
  const { authenticate, compression, perMessageDeflate, heartbeat, inactivityTimeout, scope } = handler
  const compressed = typeof compression === 'object' ? compression.enabled !== false : compression
  const words = [
    authenticate && 'authenticated',
    heartbeat && `heartbeat ${heartbeat} ms`,
    inactivityTimeout && `inactivity ${inactivityTimeout} ms`,
    (compressed ?? perMessageDeflate) && 'compression',
    scope === 'path' && 'scope path',
    handler.subprotocols && handler.subprotocols.join(' '),
  ].filter(Boolean)
  return words.length === 0 ? '' : pc.dim(` (${words.join(', ')})`)
}
