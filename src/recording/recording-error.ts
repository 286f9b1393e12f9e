import { relative } from 'node:path'
import { SidewireError } from '../engine/errors.ts'

export function recordingError(message: string, cause?: unknown): SidewireError {
  return new SidewireError('ERR_RECORDING', message, cause === undefined ? undefined : { cause })
}

/** What the file system said of it. */
export function fileError(path: string, doing: string, cause: unknown): SidewireError {
  const { code, message } = cause as NodeJS.ErrnoException
  const why = code === undefined ? undefined : WHY[code]
  const hint = code === 'EEXIST' && doing === 'record to' ? ', such as one with {date} in it' : ''
  return recordingError(`cannot ${doing} ${shortPath(path)}: ${why ?? message}${hint}`, cause)
}

const WHY: Readonly<Record<string, string>> = {
  ENOENT: 'there is no such file',
  EISDIR: 'it is a folder; name a file in it',
  ENOTDIR: 'a part of its path is no folder',
  EACCES: 'this user may not',
  EPERM: 'this user may not',
  EROFS: 'that file system is read-only',
  ENOSPC: 'the disk is full',
  EEXIST: 'it exists already, and stays as it is: move it away, or choose another name',
}

/** Relative to the working directory, if that is shorter. */
export function shortPath(path: string): string {
  const short = relative(process.cwd(), path)
  return short === '' || short.startsWith('..') ? path : short
}
