import { resolve } from 'node:path'
import { fileURLToPath } from 'node:url'
import type { Document, Place } from '../documents/document.ts'
import { readDocumentFile } from '../documents/document-file.ts'
import { describe, SidewireError } from '../engine/errors.ts'
import type { UniversalApiWsHandler } from '../engine/handler/handler.ts'
import { isObject, type Members } from '../engine/handler/option-error.ts'
import { resolveServerOptions } from '../engine/handler/options.ts'
import { pathOf } from '../engine/path-of.ts'
import { CODE_OPTIONS } from './format.ts'
import { compileScenario } from './scenario.ts'
import { placeOf, Source } from './source.ts'
import { refuseTemplates } from './value.ts'

export type { MockFile, MockHandler, MockScenario } from './format.ts'

/**
 * The handlers of a `*.ws.yaml` or `*.ws.json`, for `wsHandlers`: see docs/guide/mock-files.md.
 * @param file - its path, from the working directory, or a `file:` URL
 * @throws with the file and the line: `ERR_CONFIG` for what cannot be read, `ERR_OPTION` and the others of options, `ERR_SCENARIO`
 * for templates and operators
 */
export function mockFile(file: string | URL): UniversalApiWsHandler[] {
  if (typeof file !== 'string' && !(file instanceof URL))
    throw new SidewireError(
      'ERR_OPTION',
      `mockFile() got ${describe(file)}; it has to be the path of a file, or a file: URL`,
    )
  const isUrl = file instanceof URL || file.startsWith('file:')
  const path = isUrl ? fileURLToPath(file) : resolve(file)
  return handlersOf(readDocumentFile(path, 'ERR_CONFIG'), path)
}

/** @param path - of the file, for what is looked for beside it */
export function handlersOf(document: Document, path: string): UniversalApiWsHandler[] {
  const source = new Source(document, path)
  const places = placesIn(document.value, source)
  const handlers = places.map(({ value, place }) => handlerOf(value, place, source))
  check(
    handlers,
    places.map(({ place }) => place),
    source,
  )
  const [mistake] = source.mistakes
  if (mistake) throw mistake
  return handlers
}

interface Found {
  readonly value: Members
  readonly place: Place
}

/** One handler, a list of them, or `{ handlers }`. */
function placesIn(value: unknown, source: Source): readonly Found[] {
  const foreign = isObject(value) ? ['openapi', 'swagger', 'channels'].find((key) => key in value) : undefined
  if (foreign !== undefined)
    throw source.error(
      'ERR_CONFIG',
      [foreign],
      foreign === 'channels'
        ? 'this looks like an AsyncAPI document without its first line, "asyncapi: 3.1.0"'
        : 'this is an OpenAPI document, which is about HTTP; a mock file has a pattern and a scenario, an AsyncAPI document is taken, too',
    )
  if (isObject(value) && !('handlers' in value)) return [{ value: withoutSchema(value), place: [] }]
  let list = value
  let base: Place = []
  if (isObject(value)) {
    // What has an x- in front is for anchors.
    const other = Object.keys(withoutSchema(value)).find((key) => key !== 'handlers' && !key.startsWith('x-'))
    if (other !== undefined)
      throw source.error(
        'ERR_OPTION',
        [other],
        `"${other}" stands beside handlers, and a mock file has nothing but handlers: what concerns the whole server is a flag, ` +
          'or stands in sidewire.config.ts',
      )
    list = value['handlers']
    base = ['handlers']
  }
  if (!Array.isArray(list))
    throw source.error(
      'ERR_CONFIG',
      base,
      value === null || value === undefined
        ? 'the file is empty; it has to have a handler: a pattern, and a scenario'
        : `${base.length > 0 ? 'handlers' : 'the file'} is ${describe(list)}; it has to be a handler, a list of them, or { handlers }`,
    )
  return list.map((each: unknown, index) => {
    const place = [...base, index]
    if (isObject(each)) return { value: withoutSchema(each), place }
    throw source.error(
      'ERR_OPTION',
      place,
      `${pathOf(place)} is ${describe(each)}; it has to be a handler: a pattern, and a scenario`,
    )
  })
}

/** What names the form to editors. */
function withoutSchema(value: Members): Members {
  return Object.fromEntries(Object.entries(value).filter(([key]) => key !== '$schema'))
}

function handlerOf(value: Members, place: Place, source: Source): UniversalApiWsHandler {
  for (const [name, cure] of Object.entries(CODE_OPTIONS))
    if (name in value)
      throw source.error(
        'ERR_OPTION',
        [...place, name],
        `option "${pathOf([...place, name])}" takes code, and a mock file has none: ${cure}`,
      )
  const { scenario, ...rest } = value
  for (const [name, member] of Object.entries(rest)) refuseTemplates(member, [...place, name], name, source)
  const { pattern } = rest
  return {
    ...rest,
    ...(scenario !== undefined && {
      scenario: compileScenario(scenario, [...place, 'scenario'], source.of(pattern)),
    }),
  } as unknown as UniversalApiWsHandler
}

/** As the engine will look at them, but with the file and the line. */
function check(handlers: readonly UniversalApiWsHandler[], places: readonly Place[], source: Source): void {
  try {
    resolveServerOptions({ wsHandlers: handlers })
  } catch (error) {
    if (!(error instanceof SidewireError)) throw error
    const [named = ''] = /wsHandlers\[\d+\](?:\.\w+|\[\d+\])*/.exec(error.message) ?? []
    const [, index, ...rest] = placeOf(named)
    const place = [...(places[Number(index)] ?? []), ...rest]
    const text = withoutCode(error.message).replaceAll(
      /wsHandlers\[(\d+)\](\.(?=\w))?/g,
      (_, at, dot = '') => {
        const base = pathOf(places[Number(at)] ?? [])
        return base === '' ? '' : base + dot
      },
    )
    throw source.error(error.code, place, text, error)
  }
}

/** What is accepted, for somebody who cannot write a function. */
function withoutCode(text: string): string {
  return text
    .replace(/; it has to be a function, (?:or )?/, '; it has to be ')
    .replace(/,? or a function(?: that [\w ]+)?$/, '')
    .replace(/ an expression,/, '')
    .replace(/(?<=known are ).*$/, (names) =>
      names
        .split(', ')
        .filter((name) => !(name in CODE_OPTIONS))
        .join(', '),
    )
}
