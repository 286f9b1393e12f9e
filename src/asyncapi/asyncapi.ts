import type { UniversalApiWsHandler } from '../engine/handler/handler.ts'
import { describe, SidewireError } from '../engine/errors.ts'
import { createLogger } from '../engine/logger.ts'
import { loadAsyncApi } from './load.ts'
import type { AsyncApiOptions } from './options.ts'

export type { AsyncApiOptions } from './options.ts'
export { toAsyncApi, type AsyncApiAbout } from './export.ts'

/**
 * Handlers from an AsyncAPI document, 2.x or 3.x, for `wsHandlers`: one for each address, which is the whole path, without the
 * `endpointPrefix`. They have a `schema` and a `scenario`, and nothing else; what is odd in the document is logged.
 * @param source - the path of a file, a `file:` URL, or a parsed document
 * @throws `ERR_ASYNCAPI` for a document that cannot be read, or has nothing for WebSockets; `ERR_OPTION`
 */
export function fromAsyncApi(
  source: string | URL | object,
  options: AsyncApiOptions = {},
): UniversalApiWsHandler[] {
  if (typeof source !== 'string' && (typeof source !== 'object' || source === null))
    throw new SidewireError(
      'ERR_OPTION',
      `fromAsyncApi() got ${describe(source)}; it has to be the path of a file, a file: URL, or a parsed document`,
    )
  const { handlers, notes } = loadAsyncApi(source, options)
  const logger = createLogger('info', options.logger)
  for (const { level, text } of notes) logger[level](text)
  return [...handlers]
}
