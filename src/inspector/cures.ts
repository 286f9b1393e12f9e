import type { RefusalReason } from '../engine/stats.ts'

/** What to do about a handshake that was refused. */
const CURES: Readonly<Record<RefusalReason, string>> = {
  malformed: 'The request is no WebSocket handshake (RFC 6455 4.1): the answer says what is wrong with it.',
  path: 'No handler matches this path: mind endpointPrefix, and the pattern.',
  host: 'Add the name to server.allowedHosts of the Vite config.',
  origin: 'Add the page to the option allowedOrigins, if it is yours.',
  subprotocol: 'Let the client offer one of the subprotocols of the handler, or add it to the handler.',
  query: 'The query of the URL does not fit what the handler wants: see its schema.query.',
  authenticate: 'authenticate of the handler has decided so; an error of its own stands before this line.',
  authenticateTimeout: 'authenticate did not answer in time: see the option authenticateTimeout.',
  handshakeTimeout: 'The client did not send its handshake in time: see the option handshakeTimeout.',
  maxConnections: 'As many are open as the option maxConnections allows.',
  maxConnectionsPerAddress: 'This address has as many open as the option maxConnectionsPerAddress allows.',
  maxEventLoopLag: 'The event loop lags more than the option maxEventLoopLag allows: a hook blocks it.',
  openFiles: 'The process may open no more files: raise the limit (ulimit -n).',
  fault: 'A test, or a fault, has asked for it.',
  upstream:
    'The backend refused it, or cannot be reached: the answer says which. See the option upstream of the handler.',
  closing: 'The server is going away.',
  tunnel: 'Vite could not pass it on to the engine.',
}

export function cureOf(reason: RefusalReason): string {
  return CURES[reason]
}
