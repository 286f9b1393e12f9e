/**
 * Whether a request is meant to open a WebSocket, well formed or not. Every other one is plain HTTP, and so is an
 * upgrade to something else, such as h2c, which a server may ignore (RFC 9110 7.8).
 *
 * @param upgrade - the header `Upgrade`
 * @param key - the header `Sec-WebSocket-Key`
 */
export function asksForWebSocket(
  upgrade: string | null | undefined,
  key: string | null | undefined,
): boolean {
  return typeof key === 'string' || /\bwebsocket\b/i.test(upgrade ?? '')
}
