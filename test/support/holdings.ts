export { HOLDINGS, type Holdings } from '../../src/engine/holdings.ts'
import { HOLDINGS, type Holdings } from '../../src/engine/holdings.ts'
import type { Server } from '../../src/index.ts'

/** What a server holds for its clients is no part of the public API. */
export function holdingsOf(server: Server): Holdings {
  const ask = (server as Server & { [HOLDINGS]?: () => Holdings })[HOLDINGS]
  if (!ask) throw new Error('the server does not tell its holdings')
  return ask()
}
