import * as v from 'valibot'
import { readAs } from './reading.ts'
import type { Command } from '../control/commands.ts'
import type { ConnectionQuery } from './connections.ts'
import type { Filter } from './filter.ts'

const count = v.pipe(v.number(), v.integer(), v.minValue(0))
const MAX_WAIT_MS = 25_000
const MAX_ROWS = 100_000
const MAX_CONNECTIONS = 500

/** What a page asks for. */
export interface Watch {
  /** The `n` of the last row that it has; 0: it has none. */
  readonly after: number
  /** Milliseconds to wait for one. */
  readonly wait: number
  /** Rows at most. */
  readonly limit: number
  /** What it is about to show. */
  readonly filter: Filter
  readonly connections: ConnectionQuery | undefined
  /** The `at` of the last sample that it has. */
  readonly samplesAfter: number
}

const schema: v.GenericSchema<unknown, Watch> = v.strictObject({
  after: count,
  wait: atMost(MAX_WAIT_MS),
  limit: atMost(MAX_ROWS),
  filter: v.optional(
    v.strictObject({
      pattern: v.exactOptional(v.string()),
      conn: v.exactOptional(v.number()),
      room: v.exactOptional(v.string()),
      types: v.exactOptional(v.array(v.string())),
      text: v.exactOptional(v.string()),
    }),
    {},
  ),
  connections: v.optional(
    v.strictObject({
      pattern: v.optional(v.string()),
      room: v.optional(v.string()),
      search: v.optional(v.string()),
      skip: count,
      limit: atMost(MAX_CONNECTIONS),
    }),
  ),
  samplesAfter: v.optional(v.number(), 0),
}) as v.GenericSchema<unknown, Watch>

function atMost(max: number) {
  return v.pipe(
    count,
    v.transform((given) => Math.min(given, max)),
  )
}

/** @throws `Refused` for what is none */
export function readWatch(command: Command): Watch {
  return readAs(schema, command)
}
