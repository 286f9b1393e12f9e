import { whyNot } from '../documents/file-trouble.ts'
import { shortPath } from '../documents/short-path.ts'
import { SidewireError } from '../engine/errors.ts'

export function recordingError(message: string, cause?: unknown): SidewireError {
  return new SidewireError('ERR_RECORDING', message, cause === undefined ? undefined : { cause })
}

/** What the file system said of it. */
export function fileError(path: string, doing: string, cause: unknown): SidewireError {
  const { code } = cause as NodeJS.ErrnoException
  const hint = code === 'EEXIST' && doing === 'record to' ? ', such as one with {date} in it' : ''
  return recordingError(`cannot ${doing} ${shortPath(path)}: ${whyNot(cause)}${hint}`, cause)
}
