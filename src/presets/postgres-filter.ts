/** Whether a row is meant. */
export type Filter = (row: Readonly<Record<string, unknown>>) => boolean

/** @param value - never null, but of `is` the word for it */
type Test = (value: string, operand: string) => boolean

const TESTS: Readonly<Record<string, Test>> = {
  eq: (value, operand) => value === operand,
  neq: (value, operand) => value !== operand,
  lt: (value, operand) => compare(value, operand) < 0,
  lte: (value, operand) => compare(value, operand) <= 0,
  gt: (value, operand) => compare(value, operand) > 0,
  gte: (value, operand) => compare(value, operand) >= 0,
  is: (value, operand) => value === operand,
  in: (value, operand) =>
    split(operand.replace(/^\(|\)$/g, ''))
      .map(unquote)
      .includes(value),
  like: (value, operand) => patternOf(operand, '').test(value),
  ilike: (value, operand) => patternOf(operand, 'i').test(value),
}

/**
 * A filter of Supabase: `id=eq.1`, several with commas between them, each with `not.` before its operator or without.
 * @throws `TypeError` for what it does not know
 */
export function filterOf(text: string): Filter {
  const conditions = split(text).map(conditionOf)
  return (row) => conditions.every((condition) => condition(row))
}

function conditionOf(text: string): Filter {
  const [, column, not, operator = '', operand = ''] = /^(\w+)=(not\.)?(\w+)\.(.*)$/s.exec(text) ?? []
  const test = Object.hasOwn(TESTS, operator) ? TESTS[operator] : undefined
  if (column === undefined || test === undefined)
    throw new TypeError(
      `the filter ${JSON.stringify(text)} is not column=operator.value with one of ${Object.keys(TESTS).join(', ')}`,
    )
  const value = operator === 'in' ? operand : unquote(operand)
  return (row) => {
    const found = textOf(row[column])
    // In SQL nothing compares with null.
    if (found === undefined && operator !== 'is') return false
    return test(found ?? 'null', value) !== (not !== undefined)
  }
}

/** At the commas that are in no quotes and no parentheses. */
function split(text: string): string[] {
  return text.match(/(?:"(?:\\.|[^"\\])*"|\([^)]*\)|[^,])+/gs) ?? []
}

function unquote(text: string): string {
  return /^".*"$/s.test(text) ? text.slice(1, -1).replaceAll(/\\(.)/gs, '$1') : text
}

function textOf(value: unknown): string | undefined {
  if (value === null || value === undefined) return undefined
  return typeof value === 'string' ? value : JSON.stringify(value)
}

/** As numbers where both are. */
function compare(value: string, operand: string): number {
  const difference = Number(value) - Number(operand)
  if (!Number.isNaN(difference)) return difference
  return value < operand ? -1 : value > operand ? 1 : 0
}

/** `%` any characters, `_` one of them. */
function patternOf(like: string, flags: string): RegExp {
  const escaped = like.replaceAll(/[\\^$.*+?()[\]{}|]/g, String.raw`\$&`)
  return new RegExp(`^${escaped.replaceAll('%', '.*').replaceAll('_', '.')}$`, `s${flags}`)
}
