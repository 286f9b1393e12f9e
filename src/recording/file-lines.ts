import { closeSync, openSync, readSync } from 'node:fs'
import { shortPath } from '../documents/short-path.ts'
import { fileError, recordingError } from './recording-error.ts'

const CHUNK = 1024 * 1024
/** Past it V8 has no string for it. */
const MAX_LINE = 512 * 1024 * 1024 - 64

export interface FileLine {
  /** From 1. */
  readonly number: number
  readonly text: string
  /** Whether a line break follows; the last line of a process that was killed may have none. */
  readonly isWhole: boolean
}

/** The lines of a file, a piece at a time: a recording may be larger than a string. Without a byte order mark. */
export function* fileLines(path: string): Generator<FileLine> {
  let descriptor: number
  try {
    descriptor = openSync(path, 'r')
  } catch (cause) {
    throw fileError(path, 'read', cause)
  }
  try {
    let number = 0
    let pieces: Buffer[] = []
    const line = (last: Buffer, isWhole: boolean): FileLine => {
      pieces.push(last)
      number++
      if (pieces.reduce((sum, { length }) => sum + length, 0) > MAX_LINE)
        throw recordingError(
          `${shortPath(path)}, line ${number} is longer than ${MAX_LINE} bytes, which no program can hold`,
        )
      const text = Buffer.concat(pieces).toString()
      pieces = []
      return { number, text: number === 1 ? text.replace(/^\uFEFF/, '') : text, isWhole }
    }
    for (let chunk = read(descriptor, path); chunk.length > 0; chunk = read(descriptor, path)) {
      let from = 0
      for (let at = chunk.indexOf(10); at !== -1; at = chunk.indexOf(10, from)) {
        yield line(chunk.subarray(from, at), true)
        from = at + 1
      }
      if (from < chunk.length) pieces.push(chunk.subarray(from))
    }
    if (pieces.length > 0) yield line(Buffer.alloc(0), false)
  } finally {
    closeSync(descriptor)
  }
}

function read(descriptor: number, path: string): Buffer {
  const chunk = Buffer.allocUnsafe(CHUNK)
  try {
    return chunk.subarray(0, readSync(descriptor, chunk))
  } catch (cause) {
    throw fileError(path, 'read', cause)
  }
}
