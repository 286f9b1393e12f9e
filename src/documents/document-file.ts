import { readFileSync } from 'node:fs'
import { SidewireError, type ErrorCode } from '../engine/errors.ts'
import { readDocument, type Document } from './document.ts'
import { whyNot } from './file-trouble.ts'
import { tellRead } from './reads.ts'
import { shortPath } from './short-path.ts'

/**
 * What a YAML or JSON file says, by its name.
 * @param from - who refers to it, for the error of one that cannot be read
 * @throws an error in one line: file, line, and what is wrong
 */
export function readDocumentFile(path: string, code: ErrorCode, from?: string): Document {
  tellRead(path)
  const name = shortPath(path)
  let bytes: Buffer
  try {
    bytes = readFileSync(path)
  } catch (cause) {
    const place = from === undefined ? '' : `${from}: `
    throw new SidewireError(code, `${place}cannot read ${name}: ${whyNot(cause)}`, { cause })
  }
  let text: string
  try {
    // With its mark, if there is one, left out.
    text = new TextDecoder('utf-8', { fatal: true }).decode(bytes)
  } catch (cause) {
    throw new SidewireError(code, `${name} is not in UTF-8: save it in that encoding`, { cause })
  }
  return path.toLowerCase().endsWith('.json') ? readJson(text, name, code) : readDocument(text, name, code)
}

/** Of JSON only who has to name a line reads it as YAML, which takes many times as long. */
function readJson(text: string, name: string, code: ErrorCode): Document {
  let value: unknown
  try {
    value = JSON.parse(text)
  } catch (cause) {
    throw jsonError(text, name, code, cause as Error)
  }
  let document: Document | undefined
  return {
    name,
    value,
    lineOf: (place) => (document ??= readDocument(text, name, code)).lineOf(place),
  }
}

function jsonError(text: string, name: string, code: ErrorCode, cause: Error): SidewireError {
  if (text.trim() === '') return new SidewireError(code, `${name}:1: the file is empty`, { cause })
  // The first comment that is in no string.
  for (const { 0: found, index } of text.matchAll(/"(?:[^"\\\n]|\\.)*"|\/\/|\/\*|#/g))
    if (!found.startsWith('"'))
      return new SidewireError(
        code,
        `${name}:${lineAt(text, index)}: JSON has no comments; in a file that ends with .yaml they begin with #`,
        { cause },
      )
  const [, at] = /position (\d+)/.exec(cause.message) ?? []
  const place = at === undefined ? name : `${name}:${lineAt(text, Number(at))}`
  return new SidewireError(code, `${place}: this is no JSON: ${cause.message}`, { cause })
}

function lineAt(text: string, index: number): number {
  return text.slice(0, index).split('\n').length
}
