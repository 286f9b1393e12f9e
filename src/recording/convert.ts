import { mkdirSync, writeFileSync } from 'node:fs'
import { dirname, resolve } from 'node:path'
import type { RecordOptions } from '../engine/record-options.ts'
import type { RecordingEvent } from './format.ts'
import { toHar } from './har-export.ts'
import { loadRecording } from './load.ts'
import type { Recording } from './recording.ts'
import { shortPath } from '../documents/short-path.ts'
import { fileError, recordingError } from './recording-error.ts'
import { redactedEvent } from './redacted-event.ts'
import { Redaction, type SecretCounts } from './redaction.ts'
import { zipOf } from './zip.ts'

export interface ConvertOptions extends Pick<RecordOptions, 'redact' | 'overwrite' | 'headers'> {
  /** Which connections: those whose URL contains the text, or matches. @defaultValue all */
  readonly url?: string | RegExp
  /** Of what converts. @defaultValue '' */
  readonly version?: string
}

export interface Conversion {
  readonly file: string
  readonly connections: number
  readonly messages: number
  readonly refused: number
  readonly redacted: SecretCounts
  readonly warnings: readonly string[]
}

/**
 * Makes another form of a recording or a HAR, without its secrets.
 * @throws `ERR_RECORDING`, `ERR_REPLAY` if there is no connection with that `url`; nothing is written then
 */
export function convert(from: string, to: string, options: ConvertOptions = {}): Conversion {
  const file = resolve(to)
  const write = WRITERS.find(([end]) => file.endsWith(end))?.[1]
  if (!write)
    throw recordingError(`cannot write ${shortPath(file)}: it has to end with .jsonl, .har or .har.zip`)
  const recording = loadRecording(resolve(from), options.url)
  const redaction = new Redaction(options, () => {})
  const redacted = redactedOf(recording, redaction)
  const content = write(redacted, options.version ?? '')
  const servers = new Set([...(recording.urls?.values() ?? [])].map(serverOf))
  const lost =
    file.endsWith('.jsonl') && servers.size > 1
      ? [
          `the connections are of ${servers.size} servers, ${[...servers].join(', ')}: of each the path is kept; --url picks some`,
        ]
      : []
  try {
    mkdirSync(dirname(file), { recursive: true })
    writeFileSync(file, content, { flag: options.overwrite ? 'w' : 'wx' })
  } catch (cause) {
    throw fileError(file, 'write', cause)
  }
  const count = (type: RecordingEvent['type']): number =>
    recording.events.filter((event) => event.type === type).length
  return {
    file,
    connections: count('open'),
    messages: count(undefined),
    refused: count('refused'),
    redacted: redaction.counts,
    warnings: [...recording.warnings, ...lost],
  }
}

type Write = (recording: Recording, version: string) => string | Uint8Array

const WRITERS: readonly (readonly [end: string, write: Write])[] = [
  ['.jsonl', toLines],
  ['.har', toHarText],
  ['.zip', (recording, version) => zipOf({ 'har.har': toHarText(recording, version) })],
]

function toLines({ head, events }: Recording): Uint8Array {
  return Buffer.concat([head, ...events].map((each) => Buffer.from(`${JSON.stringify(each)}\n`)))
}

function toHarText(recording: Recording, version: string): string {
  try {
    return JSON.stringify(toHar(recording, version), undefined, 2)
  } catch (cause) {
    throw recordingError(
      'more than 512 MB cannot be one HAR; pick a connection with `url`, or keep the .jsonl',
      cause,
    )
  }
}

function redactedOf(recording: Recording, redaction: Redaction): Recording {
  const { head, events, urls } = recording
  const clean = events.map(({ t, conn, ...event }) => ({ t, conn, ...redactedEvent(event, redaction) }))
  const paths = new Map(clean.flatMap((event) => ('path' in event ? [[event.conn, event.path]] : [])))
  return {
    ...recording,
    head: {
      ...head,
      ...(head.url !== undefined && { url: redaction.url(head.url) }),
      redacted: redaction.isOn || head.redacted === true,
    },
    events: clean,
    ...(urls && {
      urls: new Map([...urls].map(([conn, url]) => [conn, serverOf(url) + (paths.get(conn) ?? '')])),
    }),
  }
}

/** Without a user and a password. */
function serverOf(url: string): string {
  return url.replace(/^([a-z]+:\/\/)(?:[^/?#]*@)?([^/?#]*).*/i, '$1$2')
}
