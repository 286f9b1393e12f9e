import { eventOf, headOf, Mistake } from './event.ts'
import { fileLines } from './file-lines.ts'
import type { RecordingEvent, RecordingHead } from './format.ts'
import { shortPath } from '../documents/short-path.ts'
import { recordingError } from './recording-error.ts'

/** A whole file, whatever form it had. */
export interface Recording {
  readonly head: RecordingHead
  /** In the order in which they happened. */
  readonly events: readonly RecordingEvent[]
  /** The whole URL of each connection, where they are not all of one server. */
  readonly urls?: ReadonlyMap<number, string>
  /** What is not as it should be, and does no harm; sentences that name the file. */
  readonly warnings: readonly string[]
}

/**
 * Reads JSON Lines.
 * @throws `ERR_RECORDING` with the line
 */
export function readRecording(path: string): Recording {
  const name = shortPath(path)
  const events: RecordingEvent[] = []
  const warnings: string[] = []
  let head: RecordingHead | undefined
  let cut = 0
  for (const { number, text, isWhole } of fileLines(path)) {
    if (text.trim() === '') continue
    try {
      const value = parse(text)
      if (head === undefined) {
        head = headOf(value)
        continue
      }
      const event = eventOf(value)
      if ('isCut' in event) cut++
      events.push(event)
    } catch (error) {
      if (!(error instanceof Mistake)) throw error
      // Of a process that was killed as it wrote; what is no recording at all has its own message.
      if (isWhole || head === undefined || !error.message.startsWith('is no JSON'))
        throw recordingError(`${name}, line ${number} ${error.message}`, error.cause)
      warnings.push(`${name}, line ${number} is cut off, and left out: who wrote it was killed`)
    }
  }
  if (head === undefined)
    throw recordingError(
      `${name} is empty; a recording comes from \`sidewire record\`, or the inspector's download`,
    )
  if (cut > 0)
    warnings.push(`${name} has only the beginning of ${cut} messages: the server had not kept more of them`)
  return { head, events, warnings }
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch (cause) {
    throw Object.assign(new Mistake(`is no JSON: ${(cause as Error).message}`), { cause })
  }
}
