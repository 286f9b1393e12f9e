import type { HttpAnswer } from '../engine/runtime.ts'
import type { Stats } from '../engine/stats.ts'

/** What a check says of the whole: fine, worse than it should be, or that nobody new is to be sent here. */
type Verdict = 'ready' | 'degraded' | 'overloaded'

/** Looks once, in no time. */
type Check = () => { readonly shown: string | number; readonly verdict: Verdict }

/** What `/readyz` looks at. */
export interface Checks {
  readonly broker: Check
  readonly workers: Check
  readonly eventLoop: Check
  readonly files: Check
}

/** Of a server that is alone. */
export const ALONE: Pick<Checks, 'broker' | 'workers'> = {
  broker: () => ({ shown: 'off', verdict: 'ready' }),
  workers: () => ({ shown: 1, verdict: 'ready' }),
}

/**
 * All nodes have the same broker: if each of them sent its clients elsewhere, there would be nowhere to send them.
 * @param isNeeded - `broker.readyz`: who wants it all the same
 */
export function brokerCheck(stats: Pick<Stats, 'broker'>, isNeeded: boolean): Checks['broker'] {
  return () => {
    const { state } = stats.broker
    if (state === 'up') return { shown: state, verdict: 'ready' }
    return { shown: state, verdict: isNeeded ? 'overloaded' : 'degraded' }
  }
}

/**
 * Whether it is wise to send it clients: 200, or 503 for a load balancer to send them elsewhere. That the process lives
 * is `/healthz`, and stays so: who is restarted because it is busy makes the others busier.
 */
export function readyAnswer(isClosing: boolean, checks: Checks): HttpAnswer {
  const results = Object.entries(checks).map(([name, check]: [string, Check]) => ({ name, ...check() }))
  const verdicts = results.map(({ verdict }) => verdict)
  const worst = (['overloaded', 'degraded'] as const).find((verdict) => verdicts.includes(verdict)) ?? 'ready'
  const status = isClosing ? 'closing' : worst
  return {
    status: status === 'closing' || status === 'overloaded' ? 503 : 200,
    headers: { 'Content-Type': 'application/json; charset=utf-8', 'Cache-Control': 'no-store' },
    body: JSON.stringify({
      status,
      checks: Object.fromEntries(results.map(({ name, shown }) => [name, shown])),
    }),
  }
}
