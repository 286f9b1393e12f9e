import { readFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import type * as Fflate from 'fflate'
import { shortPath } from '../documents/short-path.ts'
import { fileError, recordingError } from './recording-error.ts'

/** Needed for zips alone, and it has to come without waiting: `replay()` is called where handlers are written down. */
function fflate(): typeof Fflate {
  return createRequire(import.meta.url)('fflate') as typeof Fflate
}

/** A zip of Playwright: `har.har`, and what it names. One file of it is unpacked at a time. */
export class Zip {
  readonly #name: string
  readonly #bytes: Uint8Array

  /** @throws `ERR_RECORDING` */
  constructor(path: string) {
    this.#name = shortPath(path)
    try {
      this.#bytes = readFileSync(path)
    } catch (cause) {
      throw fileError(path, 'read', cause)
    }
  }

  /** The names of its files. */
  get names(): readonly string[] {
    const names: string[] = []
    this.#unzip((name) => {
      names.push(name)
      return false
    })
    return names
  }

  /** @throws `ERR_RECORDING` */
  text(name: string): string {
    const file = this.#unzip((each) => each === name)[name]
    if (!file) throw recordingError(`${this.#name} has no ${name} in it`)
    return toText(file, `${this.#name}, ${name}`)
  }

  #unzip(wants: (name: string) => boolean): Record<string, Uint8Array> {
    try {
      return fflate().unzipSync(this.#bytes, { filter: ({ name }) => wants(name) })
    } catch (cause) {
      throw recordingError(`${this.#name} is no zip, or is cut off: ${(cause as Error).message}`, cause)
    }
  }
}

export function zipOf(files: Readonly<Record<string, string>>): Uint8Array {
  const bytes = Object.entries(files).map(([name, text]) => [name, Buffer.from(text)] as const)
  return fflate().zipSync(Object.fromEntries(bytes))
}

/** Past it V8 has no string for it. */
const MAX_TEXT = 512 * 1024 * 1024 - 64

/** @throws `ERR_RECORDING` if it is too large */
export function toText(bytes: Uint8Array, name: string): string {
  if (bytes.length > MAX_TEXT)
    throw recordingError(
      `${name} has ${Math.round(bytes.length / 1024 / 1024)} MB, and more than 512 MB cannot be read at once; record less, or ` +
        "with Playwright's content: 'attach', of which `url` picks one connection",
    )
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString()
}
