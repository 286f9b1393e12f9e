import type { UniversalApiWsHandler } from '../engine/handler/handler.ts'
import type { WebSocketConnection } from '../engine/connection/websocket-connection.ts'
import { isObject, wrong } from '../engine/handler/option-error.ts'
import { checkPath, splitOptions, type PresetOptions } from './options.ts'
import { RpcPeer, type RpcClient, type RpcMethod, type RpcMethods } from './rpc-peer.ts'

export interface JsonRpcOptions
  extends PresetOptions, Pick<UniversalApiWsHandler, 'authenticate' | 'prefix' | 'subprotocols'> {
  /** As of any handler: behind the prefix, unless `prefix` is false. */
  pattern: string
  /** A client is in. A throw closes with 1011. */
  onConnect?(client: RpcClient): unknown
  /** A client has gone. */
  onClose?(client: RpcClient): unknown
}

/** An object that has methods of its own types: of an interface, or of a class. */
type RpcObject<Methods> = {
  readonly [Name in keyof Methods]: Methods[Name] extends (params: never, client: RpcClient) => unknown
    ? Methods[Name]
    : RpcMethod
}

/**
 * JSON-RPC 2.0 over WebSocket, both ways: requests, notifications, batches.
 * @param methods - by their names. Those of a class may be its instance's. What one returns is the result; an
 * {@link RpcError} is the client's; any other is -32603 for the client, and reaches `onError`
 * @throws `ERR_OPTION`
 */
export function jsonRpc(methods: RpcMethods, options: JsonRpcOptions): UniversalApiWsHandler
export function jsonRpc<Methods extends object>(
  methods: Methods & RpcObject<Methods>,
  options: JsonRpcOptions,
): UniversalApiWsHandler
export function jsonRpc(methods: object, options: JsonRpcOptions): UniversalApiWsHandler {
  checkMethods(methods)
  const own = ['pattern', 'authenticate', 'prefix', 'subprotocols', 'onConnect', 'onClose']
  const { own: mine, handler } = splitOptions('jsonRpc', options, own)
  const { pattern, onConnect, onClose, ...rest } = mine as Partial<JsonRpcOptions>
  checkPath(pattern, 'jsonRpc.pattern', '/rpc')
  for (const [name, hook] of [
    ['onConnect', onConnect],
    ['onClose', onClose],
  ])
    if (hook !== undefined && typeof hook !== 'function') wrong(`jsonRpc.${String(name)}`, hook, 'a function')
  const peers = new WeakMap<WebSocketConnection, RpcPeer>()
  // Of a client that another version of the handler has let in, too: there is nothing to remember of it.
  const peerOf = (conn: WebSocketConnection): RpcPeer => {
    const peer = peers.get(conn) ?? new RpcPeer(conn, methods)
    peers.set(conn, peer)
    return peer
  }

  return {
    ...handler,
    ...rest,
    pattern,
    raw: true,
    onConnect: (conn) => onConnect?.(peerOf(conn)),
    onMessage: (conn, data) => peerOf(conn).receive(String(data)),
    onClose(conn) {
      const peer = peerOf(conn)
      peer.end()
      return onClose?.(peer)
    },
  }
}

const METHODS = 'an object of functions by their names'

function checkMethods(methods: unknown): asserts methods is RpcMethods {
  if (!isObject(methods)) wrong('jsonRpc() methods', methods, METHODS)
  if (methods instanceof Map) wrong('jsonRpc() methods', 'a Map', `${METHODS}: Object.fromEntries(methods)`)
  if (methods instanceof Set || methods instanceof Promise) wrong('jsonRpc() methods', methods, METHODS)
  const prototype: unknown = Object.getPrototypeOf(methods)
  // The fields of an instance are its own affair.
  if (prototype !== null && prototype !== Object.prototype) return
  for (const [name, method] of Object.entries(methods))
    if (typeof method !== 'function') wrong(`jsonRpc() methods.${name}`, method, 'a function')
}
