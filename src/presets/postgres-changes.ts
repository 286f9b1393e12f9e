import { describe, SidewireError } from '../engine/errors.ts'
import { isObject, wrong } from '../engine/handler/option-error.ts'
import { filterOf, type Filter } from './postgres-filter.ts'

type Row = Readonly<Record<string, unknown>>

/** A change of a row, as Supabase tells it. */
export interface PostgresChange {
  readonly type: 'INSERT' | 'UPDATE' | 'DELETE'
  readonly schema: string
  readonly table: string
  readonly record: Row
  readonly old_record: Row
}

/** What the tables of a database are said to have gone through: see `supabase({ changes })`. */
export class PostgresChanges {
  readonly #listeners = new Set<(change: PostgresChange) => void>()

  /**
   * @param schema - of the table. @defaultValue 'public'
   * @throws `ERR_OPTION`; `ERR_SERIALIZE` for a row that JSON has no form for
   */
  insert(table: string, record: object, schema = 'public'): void {
    const row = rowOf('insert', 'record', table, record)
    this.#tell({ type: 'INSERT', schema, table, record: row, old_record: {} })
  }

  /** @param old - what the row was; of a table whose replica identity is not full, its key only */
  update(table: string, record: object, old: object = {}, schema = 'public'): void {
    const row = rowOf('update', 'record', table, record)
    this.#tell({ type: 'UPDATE', schema, table, record: row, old_record: rowOf('update', 'old', table, old) })
  }

  delete(table: string, old: object, schema = 'public'): void {
    const row = rowOf('delete', 'old', table, old)
    this.#tell({ type: 'DELETE', schema, table, record: {}, old_record: row })
  }

  /** @returns what ends it */
  listen(listener: (change: PostgresChange) => void): () => void {
    if (typeof (listener as unknown) !== 'function')
      wrong('changes.listen() listener', listener, 'a function')
    this.#listeners.add(listener)
    return () => this.#listeners.delete(listener)
  }

  #tell(change: PostgresChange): void {
    for (const listener of [...this.#listeners]) listener(change)
  }
}

/** As it goes out, so that filters look at what clients get: a `Date` is a text then. */
function rowOf(method: string, name: string, table: unknown, row: unknown): Row {
  const path = `changes.${method}()`
  if (typeof table !== 'string' || table === '') wrong(`${path} table`, table, 'the name of a table')
  if (!isObject(row)) wrong(`${path} ${name}`, row, 'a row: an object of columns by their names')
  for (const [column, value] of Object.entries(row))
    if (typeof value === 'bigint')
      throw new SidewireError(
        'ERR_SERIALIZE',
        `${path} ${name}.${column} is the bigint ${value}, which JSON has no form for; give it as a text or a number`,
      )
  try {
    return JSON.parse(JSON.stringify(row)) as Row
  } catch (error) {
    throw new SidewireError('ERR_SERIALIZE', `${path} ${name} is no JSON: ${String(error)}`, { cause: error })
  }
}

const EVENTS = ['*', 'INSERT', 'UPDATE', 'DELETE']

/** What a client has asked for. */
export interface Subscription {
  readonly id: number
  matches(change: PostgresChange): boolean
}

/** @throws `TypeError` for an event or a filter that is none */
export function subscriptionOf(id: number, asked: Row): Subscription {
  const { event = '*', schema, table, filter } = asked
  if (!EVENTS.includes(event as string))
    throw new TypeError(`the event ${describe(event)} is not one of ${EVENTS.join(', ')}`)
  const isLike: Filter = typeof filter === 'string' && filter !== '' ? filterOf(filter) : () => true
  const takes = (wanted: unknown, value: string): boolean =>
    wanted === undefined || wanted === '*' || wanted === value
  return {
    id,
    matches: (change) =>
      takes(event, change.type) &&
      takes(schema, change.schema) &&
      takes(table, change.table) &&
      isLike(change.type === 'DELETE' ? change.old_record : change.record),
  }
}
