import type { UniversalApiWsHandler } from '../engine/handler/handler.ts'
import { describe, SidewireError } from '../engine/errors.ts'
import { createLogger } from '../engine/logger.ts'
import { loadAsyncApi } from './load.ts'
import { resolveAsyncApiOptions, type AsyncApiOptions } from './options.ts'

export type { AsyncApiOptions } from './options.ts'
export { toAsyncApi, type AsyncApiAbout } from './export.ts'

/**
 * Handlers from an AsyncAPI document, 2.x or 3.x, for `wsHandlers`: one for each address, which is the whole path, without the
 * `endpointPrefix`. They have a `schema` and a `scenario`, and nothing else; what is odd in the document is logged.
 * @param source - the path of a file, a `file:` URL, or a parsed document
 * @throws `ERR_ASYNCAPI` for a document that cannot be read, or has nothing for WebSockets; `ERR_OPTION`
 */
export function fromAsyncApi(
  source: string | URL | { readonly asyncapi?: unknown },
  options: AsyncApiOptions = {},
): UniversalApiWsHandler[] {
  if (typeof source !== 'string' && (typeof source !== 'object' || source === null))
    throw new SidewireError(
      'ERR_OPTION',
      `fromAsyncApi() got ${describe(source)}; it has to be the path of a file, a file: URL, or a parsed document`,
    )
  if (typeof source === 'object' && 'then' in source)
    throw new SidewireError(
      'ERR_OPTION',
      'fromAsyncApi() got a promise; await it, and give the parsed document',
    )
  const { logger: sink } = resolveAsyncApiOptions(options)
  const logger = createLogger('info', sink)
  const { handlers, notes } = loadAsyncApi(source, { ...options, logger })
  for (const { level, text } of notes) logger[level](text)
  return [...handlers]
}
