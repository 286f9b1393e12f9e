import { existsSync, readFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { dirname, join } from 'node:path'
import type { Ajv, Options } from 'ajv'
import type { FormatsPlugin } from 'ajv-formats'
import type { generateSync } from 'json-schema-faker'
import { asyncApiError } from './error.ts'

/** What validates, and what makes samples: packages of the user. */
export interface Peers {
  readonly createAjv: (options: Options) => Ajv
  readonly addFormats: FormatsPlugin
  readonly generate: typeof generateSync
}

const NAMES = ['ajv', 'ajv-formats', 'json-schema-faker'] as const

/**
 * From the project of the document, or else beside this package.
 * @throws `ERR_ASYNCAPI` with the line that installs what is missing
 */
export function loadPeers(folder: string): Peers {
  const froms = [join(folder, 'x.js'), join(process.cwd(), 'x.js'), import.meta.url]
  const paths = NAMES.map((name) =>
    froms.map((from) => entryOf(name, from)).find((path) => path !== undefined),
  )
  const missing = NAMES.filter((_, index) => paths[index] === undefined)
  if (missing.length > 0)
    throw asyncApiError(
      `AsyncAPI documents need ${missing.join(', ')}: npm install --save-dev ${missing.join(' ')}`,
    )
  const [ajv, formats, faker] = paths.map((path) => load(path ?? '')) as [
    { Ajv?: new (options: Options) => Ajv },
    { default?: FormatsPlugin },
    { generateSync?: typeof generateSync },
  ]
  const { Ajv: Class } = ajv
  if (Class === undefined || formats.default === undefined || faker.generateSync === undefined)
    throw asyncApiError(
      'AsyncAPI documents need ajv 8, ajv-formats 3 and json-schema-faker 0.6.3 or later: npm install --save-dev ajv@8 ajv-formats@3 json-schema-faker',
    )
  return {
    createAjv: (options) => new Class(options),
    addFormats: formats.default,
    generate: faker.generateSync,
  }
}

/**
 * The file that a package begins with. Its `exports` may have nothing for `require`, and then `require.resolve` knows nothing, though
 * every Node that we run on can require what is there.
 */
function entryOf(name: string, from: string): string | undefined {
  for (const folder of createRequire(from).resolve.paths(name) ?? []) {
    const path = join(folder, name, 'package.json')
    if (!existsSync(path)) continue
    const { main = 'index.js' } = JSON.parse(readFileSync(path, 'utf8')) as { main?: string }
    return join(dirname(path), main)
  }
  return undefined
}

/** Required from within its package: Node warns of an ES module that is required elsewhere. */
function load(path: string): unknown {
  try {
    return createRequire(path)(path)
  } catch (cause) {
    throw asyncApiError(`cannot load ${path}: ${(cause as Error).message}`, cause)
  }
}
