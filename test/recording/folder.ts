import { mkdtempSync, readFileSync, realpathSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach } from 'vitest'
import { readRecording, type Recording } from '../../src/recording/recording.ts'

const folders: string[] = []

afterEach(() => {
  for (const made of folders.splice(0)) rmSync(made, { recursive: true, force: true })
})

/** A new folder, gone after the test. */
export function folder(): string {
  const made = realpathSync(mkdtempSync(join(tmpdir(), 'sidewire-recording-')))
  folders.push(made)
  return made
}

/** A file with this content in a folder of its own. */
export function fileOf(content: string | Uint8Array, name = 'x.jsonl'): string {
  const path = join(folder(), name)
  writeFileSync(path, content)
  return path
}

export function linesOf(path: string): unknown[] {
  return readFileSync(path, 'utf8')
    .trimEnd()
    .split('\n')
    .map((line) => JSON.parse(line) as unknown)
}

export function reading(content: string | Uint8Array): Recording {
  return readRecording(fileOf(content))
}

/** A recording of these events, as a file. */
export function recordingOf(events: readonly object[], name = 'orders.jsonl', head: object = {}): string {
  const first = {
    sidewire: 'recording/1',
    at: '2026-11-25T20:00:00.000Z',
    url: 'wss://api.example.com',
    ...head,
  }
  return fileOf([first, ...events].map((each) => `${JSON.stringify(each)}\n`).join(''), name)
}
