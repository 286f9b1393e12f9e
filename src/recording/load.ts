import { closeSync, openSync, readFileSync, readSync } from 'node:fs'
import { basename, dirname, join } from 'node:path'
import { describe, SidewireError } from '../engine/errors.ts'
import { readHar } from './har.ts'
import { readRecording, type Recording } from './recording.ts'
import { shortPath } from '../documents/short-path.ts'
import { fileError, recordingError } from './recording-error.ts'
import { toText, Zip } from './zip.ts'

/** Enough to tell what it is. */
const BEGINNING = 4096

/**
 * Reads a recording, a HAR or the zip of one, whatever the file is called.
 * @param url - which connections: those whose URL contains the text, or matches
 * @throws `ERR_RECORDING`; `ERR_REPLAY` if there is none with that URL
 */
export function loadRecording(path: string, url?: string | RegExp): Recording {
  const seen = new Set<string>()
  const isWanted = (each: string): boolean => {
    seen.add(each.replace(/[?#].*/, ''))
    return url === undefined || (typeof url === 'string' ? each.includes(url) : each.search(url) >= 0)
  }
  const recording = readAny(path, isWanted)
  if (url !== undefined && recording.events.length === 0) {
    const there = [...seen].slice(0, 5).map(describe).join(', ')
    throw new SidewireError(
      'ERR_REPLAY',
      `no connection of ${shortPath(path)} has a URL with ${describe(url)}; there are ${there || 'none'}`,
    )
  }
  return recording
}

function readAny(path: string, isWanted: (url: string) => boolean): Recording {
  const beginning = beginningOf(path)
  const name = shortPath(path)
  if (beginning.startsWith('PK') || /\.zip$/i.test(path)) {
    const zip = new Zip(path)
    const har = zip.names.find((each) => each.endsWith('.har'))
    if (har === undefined) throw recordingError(`${name} has no .har in it`)
    return readHar({ name, text: zip.text(har), attached: (file) => zip.text(file) }, isWanted)
  }
  if (/^\d+:\d+:\w/.test(beginning))
    throw recordingError(
      `${name} has flows of mitmproxy; make a HAR of them: mitmdump -nr ${name} --set hardump=out.har`,
    )
  if (/^\uFEFF?\s*\{\s*"log"\s*:/.test(beginning) || /\.har$/i.test(path))
    return readHar({ name, text: textOf(path), attached: (file) => besides(path, file) }, isWanted)
  return onlyWanted(readRecording(path), isWanted)
}

/** By the whole URL. */
function onlyWanted(recording: Recording, isWanted: (url: string) => boolean): Recording {
  const paths = new Map<number, string>()
  for (const event of recording.events) if ('path' in event) paths.set(event.conn, event.path)
  const kept = new Set<number>()
  for (const conn of new Set(recording.events.map((event) => event.conn)))
    if (isWanted((recording.head.url ?? '') + (paths.get(conn) ?? ''))) kept.add(conn)
  return { ...recording, events: recording.events.filter(({ conn }) => kept.has(conn)) }
}

/** Playwright names files of its own folder; a HAR of somebody else may name any. */
function besides(path: string, file: string): string {
  if (basename(file) !== file)
    throw recordingError(`${shortPath(path)} names the file ${describe(file)}, which is not beside it`)
  return textOf(join(dirname(path), file))
}

function textOf(path: string): string {
  try {
    return toText(readFileSync(path), shortPath(path))
  } catch (cause) {
    if (cause instanceof SidewireError) throw cause
    throw (cause as { code?: string }).code === 'ERR_FS_FILE_TOO_LARGE'
      ? recordingError(
          `${shortPath(path)} has more than 2 GB, and cannot be read at once; record less`,
          cause,
        )
      : fileError(path, 'read', cause)
  }
}

function beginningOf(path: string): string {
  let descriptor: number | undefined
  try {
    descriptor = openSync(path, 'r')
    const bytes = Buffer.alloc(BEGINNING)
    return bytes.toString('utf8', 0, readSync(descriptor, bytes))
  } catch (cause) {
    throw fileError(path, 'read', cause)
  } finally {
    if (descriptor !== undefined) closeSync(descriptor)
  }
}
