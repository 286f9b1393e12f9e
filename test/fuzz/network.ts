import type { Faults } from '../../src/index.ts'

// What docs/guide/faults.md says of losses, in the plainest form: a count for each client.

/** Faults whose outcome can be told by counting; marks are left alone, or nobody could tell when all is through. */
export interface Trouble {
  /** Each so-manyth is lost, or doubled. */
  readonly drop?: number
  readonly duplicate?: number
  /** Milliseconds to the client, and from it. */
  readonly latency?: number
  readonly incoming?: number
  /** Nothing arrives until it is lifted. */
  readonly stall?: boolean
}

export function faultsOf({ drop, duplicate, latency, incoming, stall }: Trouble): Faults {
  const match = (data: unknown): boolean => !isMark(String(data))
  return {
    ...(drop !== undefined && { drop: { every: drop, match } }),
    ...(duplicate !== undefined && { duplicate: { every: duplicate, match } }),
    ...(latency !== undefined && { latency: [0, latency] }),
    ...(incoming !== undefined && { incoming: { latency: [0, incoming] } }),
    ...(stall && { stall }),
  }
}

/** How often each message of one client arrives. */
export class Losses {
  readonly trouble: Trouble
  #n = 0

  constructor(trouble: Trouble) {
    this.trouble = trouble
  }

  copiesOf(text: string): number {
    const { drop, duplicate } = this.trouble
    if (isMark(text)) return 1
    this.#n++
    if (drop !== undefined && this.#n % drop === 0) return 0
    return duplicate !== undefined && this.#n % duplicate === 0 ? 2 : 1
  }
}

function isMark(text: string): boolean {
  return text.includes('#mark ')
}
