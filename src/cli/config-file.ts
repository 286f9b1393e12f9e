import { existsSync, statSync } from 'node:fs'
import { dirname, resolve } from 'node:path'
import { fileURLToPath } from 'node:url'
import type { BuildFailure } from 'esbuild'
import { hearReads } from '../documents/reads.ts'
import { shortPath } from '../documents/short-path.ts'
import { SidewireError } from '../engine/errors.ts'
import type { Config } from '../index.ts'
import { isDocument, loadDocument, type DocumentOptions } from '../server/document-file.ts'
import { importFresh } from './bundle.ts'
import { CONFIG_NAMES } from './config-name.ts'

const EXAMPLE = 'export default defineConfig({ wsHandlers: [...] })'

/** The path that was asked for, or the config file of this folder; `undefined` if there is none. */
export function findConfig(asked: string | undefined, folder: string): string | undefined {
  if (asked === undefined)
    return CONFIG_NAMES.map((name) => resolve(folder, name)).find((path) => existsSync(path))
  const path = resolve(folder, asked)
  if (existsSync(path) && statSync(path).isFile()) return path
  if (existsSync(path)) throw new SidewireError('ERR_CONFIG', `"${asked}" is a folder; name a file in it`)
  throw new SidewireError('ERR_CONFIG', `there is no config file "${asked}"; name one, or none for the demo`)
}

/**
 * Loads a config file afresh, TypeScript or JavaScript, with everything of the project that it imports; or a mock file, or an
 * AsyncAPI document.
 * @param onFile - told each path whose change may change the options, before it is read; also when loading fails
 * @param about - a document
 * @throws `ERR_CONFIG`, or what a document throws, in one line
 */
export async function loadConfig(
  path: string,
  onFile: (path: string) => void,
  about: DocumentOptions = { logger: console },
): Promise<Config> {
  const files = new Set([path])
  onFile(path)
  const onRead = (file: string): void => {
    files.add(file)
    onFile(file)
  }
  if (isDocument(path)) return { wsHandlers: await loadDocument(path, onRead, about) }
  const name = shortPath(path)
  let exports: { default?: unknown }
  try {
    // What a function of ours reads for it is a part of it, too.
    exports = await hearReads(onRead, () => importFresh(path, onRead))
  } catch (cause) {
    throw new SidewireError('ERR_CONFIG', `cannot load ${name}: ${explain(cause, path, files)}`, {
      cause,
    })
  }
  const options = defaultOf(exports)
  if (options === undefined)
    throw new SidewireError('ERR_CONFIG', `${name} has no default export; write: ${EXAMPLE}`)
  if (typeof options !== 'object' || options === null || Array.isArray(options) || options instanceof Promise)
    throw new SidewireError(
      'ERR_CONFIG',
      `the default export of ${name} is ${kindOf(options)}; it has to be the options themselves: ${EXAMPLE}`,
    )
  return options
}

/** A CommonJS module that was an ES module before it was compiled has its default export by name, and says so. */
export function defaultOf({ default: exported }: { readonly default?: unknown }): unknown {
  const isCompiled =
    typeof exported === 'object' && exported !== null && '__esModule' in exported && 'default' in exported
  return isCompiled ? exported.default : exported
}

/** Why a file could not be loaded: `src/x.ts:3: what is wrong`, in one line. */
export function explain(cause: unknown, path: string, files: ReadonlySet<string>): string {
  const [first] = (cause as Partial<BuildFailure> | null)?.errors ?? []
  if (first) {
    const { location, text } = first
    const place = location ? `${shortPath(resolve(dirname(path), location.file))}:${location.line}: ` : ''
    return place + firstLine(text)
  }
  if (!(cause instanceof Error)) return firstLine(String(cause))
  return placeOf(cause, files) + firstLine(cause.message || cause.name)
}

/** Where the project's own code threw. Only Node maps stacks back to the sources. */
function placeOf({ stack = '' }: Error, files: ReadonlySet<string>): string {
  for (const [, file = '', line] of stack.matchAll(/(?:\(|at )([^()\n]+):(\d+):\d+\)?$/gm)) {
    const path = file.startsWith('file:') ? fileURLToPath(file) : file
    if (files.has(path)) return `${shortPath(path)}:${line}: `
  }
  return ''
}

function firstLine(text: string): string {
  return text.split('\n').find((line) => line.trim() !== '') ?? text
}

function kindOf(value: unknown): string {
  if (typeof value === 'function') return 'a function'
  if (value instanceof Promise) return 'a promise'
  if (Array.isArray(value)) return 'a list'
  return value === null ? 'null' : `a ${typeof value}`
}
