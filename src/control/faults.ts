import { describe } from '../engine/errors.ts'
import type { Inside } from '../engine/inside.ts'
import type { FaultRow, Network } from '../engine/network.ts'
import { Refused } from './answers.ts'
import { findConnection, type Command } from './commands.ts'

/** What is on, after each request that is about it. */
export interface FaultPage {
  readonly faults: readonly FaultRow[]
}

/** Whom a request is about: one connection, or the handlers of a pattern. */
export interface FaultTarget {
  /** `'*'` for all. */
  readonly pattern: string
  /** An id. */
  readonly connection: string | null
}

export function listFaults(inside: Inside): FaultPage {
  return { faults: networkOf(inside).rows() }
}

/** In the place of what was switched on from outside before. */
export function putFaults(
  inside: Inside,
  target: FaultTarget,
  { faults, for: ms, ...more }: Command,
): FaultPage {
  const [unknown] = Object.keys(more)
  if (unknown !== undefined || typeof faults !== 'object' || faults === null)
    throw new Refused(
      400,
      'body',
      unknown === undefined
        ? `faults is ${describe(faults)}; it has to be an object such as { "latency": 200 }`
        : `${describe(unknown)} is unknown; the body is { "faults": { ... }, "for": <milliseconds, optional> }`,
    )
  if (ms !== undefined && typeof ms !== 'number')
    throw new Refused(400, 'body', `for is ${describe(ms)}; it has to be a number of milliseconds`)
  networkOf(inside).put(subjectOf(inside, target), faults, ms)
  return listFaults(inside)
}

/** Of a target, or without one all that was switched on from outside. */
export function liftFaults(inside: Inside, target: FaultTarget | undefined): FaultPage {
  if (target === undefined) {
    for (const { by, pattern, connection = null } of networkOf(inside).rows())
      if (by === 'control') networkOf(inside).put(subjectOf(inside, { pattern, connection }), undefined)
    return listFaults(inside)
  }
  networkOf(inside).put(subjectOf(inside, target), undefined)
  return listFaults(inside)
}

function subjectOf(inside: Inside, { pattern, connection }: FaultTarget): Parameters<Network['put']>[0] {
  return connection === null ? pattern : findConnection(inside, connection)
}

function networkOf({ network }: Inside): Network {
  if (network) return network
  throw new Refused(404, 'path', 'this server has no faults')
}
