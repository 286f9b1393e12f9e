export type { TapEvent } from '../../src/engine/tap.ts'
export { INSIDE, type WithInside } from '../../src/engine/inside.ts'
import type { Holdings } from '../../src/engine/holdings.ts'
import { INSIDE, type Inside } from '../../src/engine/inside.ts'
import type { Server } from '../../src/index.ts'

/** What a server shows to the rest of the package is no part of the public API. */
export function insideOf(server: Server): Inside {
  const { [INSIDE]: inside } = server as Server & { readonly [INSIDE]?: Inside }
  if (!inside) throw new Error('the server shows nothing of itself')
  return inside
}

export function holdingsOf(server: Server): Holdings {
  return insideOf(server).holdings()
}
