import type { LoadScript, ScriptClient } from '../load-script.ts'
import { paddedText } from '../message-template.ts'
import type { LoadOptions } from '../options.ts'
import type { LoadProtocol, ProtocolConnection } from './protocol.ts'

/** A script that speaks a protocol, and knows when its greeting is over. */
export interface ProtocolScript extends LoadScript {
  isReady(client: ScriptClient): boolean
}

/**
 * @param script - says what is asked, in the place of `--message`, and gets what the server says by itself
 * @param options - of the scenario idle nothing is asked
 */
export function protocolScript(
  protocol: LoadProtocol,
  { message, size, scenario }: Pick<LoadOptions, 'message' | 'size' | 'scenario'>,
  script?: LoadScript,
): ProtocolScript {
  const connections = new WeakMap<ScriptClient, ProtocolConnection>()
  const text = paddedText(message, size)
  const greeted = new WeakSet<ScriptClient>()
  return {
    isReady: (client) => connections.get(client)?.isReady ?? false,
    onOpen(client) {
      const connection = protocol.connect(client)
      connections.set(client, connection)
      connection.open?.()
    },
    next(client, n) {
      const connection = connections.get(client)
      if (!connection?.isReady || scenario === 'idle') return undefined
      const body = script ? script.next(client, n) : text.replaceAll('{id}', `${client.index}.${n}`)
      return body === undefined ? undefined : connection.wrap(body, n)
    },
    onMessage(client, data) {
      const connection = connections.get(client)
      const found = connection?.unwrap(data)
      if (connection?.isReady && !greeted.has(client)) {
        greeted.add(client)
        script?.onOpen?.(client)
      }
      if (!found) return undefined
      return 'n' in found ? found.n : script?.onMessage?.(client, found.reply)
    },
  }
}
