import { truncateReason } from '../engine/close.ts'
import type { HandshakeFaults } from '../engine/handler/faults.ts'
import type { Passage } from '../engine/network.ts'
import { within, type Stream } from './chance.ts'
import { choose, onesOf } from './which.ts'

/** What happens to the n-th handshake; `delay` in milliseconds. */
export function passageOf(
  { delay = 0, refuse, with: how = 503 }: HandshakeFaults,
  n: number,
  streamOf: (kind: string) => Stream,
): { readonly delay: number; readonly refuse: Passage['refuse'] } {
  const isRefused = choose(onesOf(refuse), n, streamOf('refuse')()) !== undefined
  return { delay: within(delay, streamOf('handshake')), refuse: isRefused ? refusalOf(how) : undefined }
}

function refusalOf(how: NonNullable<HandshakeFaults['with']>): Passage['refuse'] {
  if (typeof how === 'number') return { kind: 'status', status: how }
  if (typeof how === 'string') return { kind: how }
  return { kind: 'close', code: how.code, reason: truncateReason(how.reason ?? '') }
}
