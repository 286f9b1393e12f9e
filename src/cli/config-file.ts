import { existsSync, statSync } from 'node:fs'
import { relative, resolve, sep } from 'node:path'
import { fileURLToPath } from 'node:url'
import { createJiti } from 'jiti'
import { SidewireError, type ServerOptions } from '../index.ts'

const NAMES = ['ts', 'mts', 'js', 'mjs'].map((extension) => `sidewire.config.${extension}`)

export interface LoadedConfig {
  readonly options: ServerOptions
  /** The config file and the files of the project that it imports: what a change of may change the options. */
  readonly files: readonly string[]
}

/** The path that was asked for, or the config file of this folder; `undefined` if there is none. */
export function findConfig(asked: string | undefined, folder: string): string | undefined {
  if (asked === undefined) return NAMES.map((name) => resolve(folder, name)).find((path) => existsSync(path))
  const path = resolve(folder, asked)
  if (existsSync(path) && statSync(path).isFile()) return path
  throw new SidewireError('ERR_CONFIG', `there is no config file ${asked}; name one, or none for the demo`)
}

/**
 * Loads a config file afresh, TypeScript or JavaScript, with everything it imports.
 * @throws `ERR_CONFIG`, in one line
 */
export async function loadConfig(path: string): Promise<LoadedConfig> {
  const jiti = createJiti(import.meta.url, {
    fsCache: false,
    // A cache of its own for each load, so that a reload sees what changed.
    moduleCache: true,
    // Bun's own import would keep the first version of each file.
    tryNative: false,
    // A config says `import { defineConfig } from 'sidewire'`, also where `npx` brought us.
    alias: { sidewire: fileURLToPath(new URL(ownEntry(), import.meta.url)) },
  })
  let loaded: unknown
  try {
    for (const id of Object.keys(jiti.cache)) delete jiti.cache[id]
    loaded = await jiti.import(path, { default: true })
  } catch (cause) {
    throw new SidewireError('ERR_CONFIG', `cannot load ${shorten(path)}: ${firstLine(cause)}`, { cause })
  }
  if (typeof loaded !== 'object' || loaded === null)
    throw new SidewireError(
      'ERR_CONFIG',
      `${shorten(path)} has no default export; write: export default defineConfig({ wsHandlers: [...] })`,
    )
  const files = Object.keys(jiti.cache).filter((file) => !file.includes(`${sep}node_modules${sep}`))
  return { options: loaded, files: [...new Set([path, ...files])] }
}

/** Beside this file in the bundle, a folder up in the sources. */
function ownEntry(): string {
  return import.meta.url.endsWith('.ts') ? '../index.ts' : './index.js'
}

function shorten(path: string): string {
  const short = relative(process.cwd(), path)
  return short.startsWith('..') ? path : short
}

function firstLine(error: unknown): string {
  const message = error instanceof Error ? error.message : String(error)
  return message.split('\n').find((line) => line.trim() !== '') ?? message
}
