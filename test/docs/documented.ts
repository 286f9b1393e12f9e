/** What the reference says of one member. */
export interface Entry {
  readonly text: string
  readonly type: string
  readonly unit: string
  readonly zero: string
  readonly errors: string
  readonly source: string
  readonly cause: string
  readonly cure: string
  /** The default as it is written, and, if it is a value, as JavaScript. */
  readonly fallback: string
  readonly literal: string | undefined
}

export interface Row {
  /** By the heads of their columns. */
  readonly byHead: ReadonlyMap<string, string>
  readonly cells: readonly string[]
}

/** A page of the reference, read as its tests read it: headings that are code, with lists of facts, and tables. */
export class Documented {
  readonly #text: string

  constructor(text: string) {
    this.#text = text
  }

  /** All of `### \`name\``. */
  get entries(): ReadonlyMap<string, Entry> {
    return entriesOf(this.#text)
  }

  entriesIn(heading: string): ReadonlyMap<string, Entry> {
    return entriesOf(this.#section(heading))
  }

  get tables(): readonly (readonly Row[])[] {
    return tablesOf(this.#text)
  }

  tablesOf(heading: string): readonly (readonly Row[])[] {
    return tablesOf(this.#section(heading))
  }

  /** The rows under a heading, by the code that their first cell has. */
  rowsOf(heading: string, name: RegExp = /^`(\w+)`/): ReadonlyMap<string, Entry> {
    const entries = new Map<string, Entry>()
    for (const { byHead, cells } of this.tablesOf(heading).flat()) {
      const [first = ''] = cells
      for (const [, key = ''] of first.matchAll(new RegExp(name, name.flags.replace('g', '') + 'g')))
        entries.set(
          key,
          entryOf(cells.join(' '), (head) => byHead.get(head) ?? ''),
        )
    }
    return entries
  }

  textOf(heading: string): string {
    return this.#section(heading)
  }

  #section(heading: string): string {
    const lines = this.#text.split('\n')
    const start = lines.findIndex((line) => /^#+ /.test(line) && line.replace(/^#+ /, '') === heading)
    if (start === -1) throw new Error(`the reference has no heading "${heading}"`)
    const { length } = lines[start]?.match(/^#+/)?.[0] ?? ''
    const isNext = (line: string): boolean => new RegExp(`^#{1,${length}} `).test(line)
    const end = lines.findIndex((line, index) => index > start && isNext(line))
    return lines.slice(start + 1, end === -1 ? undefined : end).join('\n')
  }
}

function entriesOf(text: string): ReadonlyMap<string, Entry> {
  const entries = new Map<string, Entry>()
  for (const part of text.split(/^(?=#{2,4} )/m)) {
    const [, name] = /^### `(\w+)`\n/.exec(part) ?? []
    if (name === undefined) continue
    const facts = new Map<string, string>()
    for (const [, key = '', value = ''] of part.matchAll(/^- ([\w ]+): ((?:.|\n {2})*)/gm))
      facts.set(key.toLowerCase(), value.replaceAll(/\n +/g, ' '))
    entries.set(
      name,
      entryOf(part, (fact) => facts.get(fact) ?? ''),
    )
  }
  return entries
}

function entryOf(text: string, fact: (name: string) => string): Entry {
  const fallback = fact('default')
  return {
    text,
    fallback,
    literal: /^`([^`]+)`/.exec(fallback)?.[1],
    type: fact('type').replace(/^`([^`]*)`.*/, '$1'),
    unit: fact('unit'),
    zero: fact('0 means'),
    errors: fact('errors'),
    source: fact('source'),
    cause: fact('cause'),
    cure: fact('cure'),
  }
}

function tablesOf(text: string): Row[][] {
  return [...text.matchAll(/(?:^\|.*\n)+/gm)].map(([table]) => {
    const [heads = [], , ...rows] = table.trim().split('\n').map(cellsOf)
    return rows.map((cells) => ({
      cells,
      byHead: new Map(heads.map((head, index) => [head, cells[index] ?? ''])),
    }))
  })
}

/** `\|` within a cell is no end of it. */
function cellsOf(line: string): string[] {
  return line
    .split(/(?<!\\)\|/)
    .slice(1, -1)
    .map((cell) => cell.trim().replaceAll('\\|', '|'))
}
