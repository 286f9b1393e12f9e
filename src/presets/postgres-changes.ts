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

  /** @param schema - of the table. @defaultValue 'public' */
  insert(table: string, record: object, schema = 'public'): void {
    this.#tell({ type: 'INSERT', schema, table, record: { ...record }, old_record: {} })
  }

  /** @param old - what the row was; of a table whose replica identity is not full, its key only */
  update(table: string, record: object, old: object = {}, schema = 'public'): void {
    this.#tell({ type: 'UPDATE', schema, table, record: { ...record }, old_record: { ...old } })
  }

  delete(table: string, old: object, schema = 'public'): void {
    this.#tell({ type: 'DELETE', schema, table, record: {}, old_record: { ...old } })
  }

  /** @returns what ends it */
  listen(listener: (change: PostgresChange) => void): () => void {
    this.#listeners.add(listener)
    return () => this.#listeners.delete(listener)
  }

  #tell(change: PostgresChange): void {
    for (const listener of [...this.#listeners]) listener(change)
  }
}

/** What a client has asked for. */
export interface Subscription {
  readonly id: number
  matches(change: PostgresChange): boolean
}

/** @throws `TypeError` for a filter that is none */
export function subscriptionOf(id: number, asked: Row): Subscription {
  const { event = '*', schema, table, filter } = asked
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
