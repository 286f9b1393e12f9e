import { isAlias, isMap, isScalar, isSeq, LineCounter, parseDocument, visit, type Node } from 'yaml'
import { SidewireError, type ErrorCode } from '../engine/errors.ts'

/** Where a value stands in its file: the keys and places in lists that lead to it. */
export type Place = readonly (string | number)[]

/** What a YAML or JSON file says, and where it says it. */
export interface Document {
  /** As errors name it. */
  readonly name: string
  readonly value: unknown
  /** From 1: of a value, with its key; of one that is not there, that of what it would be in. */
  lineOf(place: Place): number
}

/**
 * YAML 1.2, whose other form is JSON. Dates and `12:30` are text, `on` is a name.
 * @param code - of the error
 * @throws an error in one line: file, line, and what is wrong
 */
export function readDocument(text: string, name: string, code: ErrorCode): Document {
  const lines = new LineCounter()
  // An error's text is ours: one line, and the place in front.
  const document = parseDocument(text, { lineCounter: lines, prettyErrors: false, merge: true })
  const [problem] = [...document.errors, ...document.warnings]
  if (problem) {
    const { line } = lines.linePos(problem.pos[0])
    const what =
      problem.code === 'MULTIPLE_DOCS'
        ? 'a second document begins, and a file is one'
        : inWords(problem.message)
    throw new SidewireError(code, `${name}:${line}: ${what}`)
  }
  const at = (node: unknown): number => lines.linePos((node as Node | null)?.range?.[0] ?? 0).line || 1
  const fail = (line: number, what: string): never => {
    throw new SidewireError(code, `${name}:${line}: ${what}`)
  }
  visit(document, {
    Pair(_, { key }) {
      if (isMap(key) || isSeq(key))
        fail(
          at(key),
          "an object or a list stands where a name has to be; text with braces stands in quotes: '{{uuid}}'",
        )
    },
    Alias(_, alias, path) {
      const node = alias.resolve(document)
      if (!node) fail(at(alias), `*${alias.source} is an alias, and there is no &${alias.source} above it`)
      if (path.includes(node as Node)) fail(at(alias), `*${alias.source} leads back into what it stands in`)
    },
  })
  let value: unknown
  try {
    // The default, against a file whose aliases of aliases would fill the memory.
    value = document.toJS({ maxAliasCount: 100 })
  } catch (cause) {
    throw new SidewireError(code, `${name}: ${inWords((cause as Error).message)}`, { cause })
  }
  const resolved = (node: unknown): unknown => (isAlias(node) ? node.resolve(document) : node)
  return {
    name,
    value,
    lineOf(place) {
      let node: unknown = document.contents
      let found: unknown = node
      for (const key of place) {
        const inside = resolved(node)
        if (isMap(inside)) {
          const pair = inside.items.find(({ key: own }) => isScalar(own) && String(own.value) === String(key))
          if (!pair) break
          found = pair.key
          node = pair.value
        } else if (isSeq(inside) && inside.items[Number(key)] !== undefined) {
          node = inside.items[Number(key)]
          found = node
        } else break
      }
      return at(found)
    },
  }
}

function inWords(message: string): string {
  return message.includes('call stack') ? 'it is nested too deeply' : message
}
