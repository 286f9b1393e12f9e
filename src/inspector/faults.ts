import * as v from 'valibot'
import { readAs } from './reading.ts'
import type { Command } from '../control/commands.ts'
import { liftFaults, listFaults, putFaults, type FaultTarget } from '../control/faults.ts'
import type { Faults } from '../engine/handler/faults.ts'
import type { Inside } from '../engine/inside.ts'
import type { FaultRow } from '../engine/network.ts'
import { PROFILES } from '../faults/by-name.ts'
import type { Connections } from './connections.ts'

/** Faults that are on, as the page lists them. */
export interface FaultLine extends FaultRow {
  /** Of one connection only: its number. */
  readonly conn?: number
}

export interface FaultList {
  readonly rows: readonly FaultLine[]
  /** As many as there are. */
  readonly found: number
}

/** What is on after a command. */
export interface FaultAnswer extends FaultList {
  /** Networks by their names. */
  readonly profiles: Readonly<Record<string, Faults>>
}

/** What a page asks of them. */
export type FaultCommand =
  | { readonly action: 'list' }
  | { readonly action: 'put'; readonly to: FaultTo; readonly faults: unknown; readonly for?: unknown }
  | { readonly action: 'lift'; readonly to: FaultTo }

/** Whom they are for; the pattern `'*'` is all. */
export type FaultTo = { readonly pattern: string } | { readonly connection: string }

export const MAX_ROWS = 100

const to = v.union(
  [v.strictObject({ pattern: v.string() }), v.strictObject({ connection: v.string() })],
  'it has to be { pattern: <of a handler, or "*"> }, or { connection: <id> }',
)

const schema = v.variant('action', [
  v.strictObject({ action: v.literal('list') }),
  v.strictObject({ action: v.literal('put'), to, faults: v.unknown(), for: v.exactOptional(v.unknown()) }),
  v.strictObject({ action: v.literal('lift'), to }),
])

/** @throws `Refused` for what is none */
export function readFaultCommand(command: Command): FaultCommand {
  return readAs(schema, command)
}

/** @throws `Refused`, and as {@link Inside.network} does for what cannot be switched on */
export function runFaultCommand(
  inside: Inside,
  connections: Connections,
  command: FaultCommand,
): FaultAnswer {
  if (command.action === 'put') {
    const { faults, for: ms } = command
    putFaults(inside, targetOf(command.to), { faults, ...(ms !== undefined && { for: ms }) })
  }
  if (command.action === 'lift') liftFaults(inside, targetOf(command.to))
  return { ...listed(inside, connections, listFaults(inside).faults), profiles: PROFILES }
}

/** `undefined` where there is nothing to switch. */
export function faultList(inside: Inside, connections: Connections): FaultList | undefined {
  return inside.network && listed(inside, connections, inside.network.rows())
}

function targetOf(given: FaultTo): FaultTarget {
  return 'pattern' in given
    ? { pattern: given.pattern, connection: null }
    : { pattern: '*', connection: given.connection }
}

function listed(inside: Inside, connections: Connections, all: readonly FaultRow[]): FaultList {
  const rows = all.slice(0, MAX_ROWS)
  const numbers = new Map<string, number>()
  if (rows.some(({ connection }) => connection !== undefined))
    for (const conn of inside.openConnections()) numbers.set(conn.id, connections.numberOf(conn))
  return {
    found: all.length,
    rows: rows.map((row) => {
      const conn = row.connection === undefined ? undefined : numbers.get(row.connection)
      return conn === undefined ? row : { ...row, conn }
    }),
  }
}
