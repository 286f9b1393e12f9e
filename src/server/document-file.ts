import { hearReads } from '../documents/reads.ts'
import type { UniversalApiWsHandler } from '../engine/handler/handler.ts'
import type { Logger } from '../engine/logger.ts'

/** Whether it is written in a form of data, and not in code. */
export function isDocument(path: string): boolean {
  return /\.(?:ya?ml|json)$/i.test(path)
}

/** What has been said of each. */
const told = new Map<string, string>()

/** By its first words, as the specification has it, or by what it is called. */
function isAsyncApi(path: string, value: unknown): boolean {
  if (/\.asyncapi\.(?:ya?ml|json)$/i.test(path)) return true
  return typeof value === 'object' && value !== null && Object.hasOwn(value, 'asyncapi')
}

export interface DocumentOptions {
  /** Told what there is to say of an AsyncAPI document. */
  readonly logger: Logger
  /** Of an AsyncAPI document: see `AsyncApiOptions`. */
  readonly perspective?: 'server' | 'client'
  readonly seed?: string
}

/**
 * The handlers of a mock file, or of an AsyncAPI document. What reads them is loaded with the first one.
 * @param onRead - told of each file before it is read; also when one is wrong
 * @throws what `mockFile` and `fromAsyncApi` throw
 */
export async function loadDocument(
  path: string,
  onRead: (file: string) => void,
  options: DocumentOptions,
): Promise<readonly UniversalApiWsHandler[]> {
  const { readDocumentFile } = await import('../documents/document-file.ts')
  const document = await hearReads(onRead, async () => readDocumentFile(path, 'ERR_CONFIG'))
  if (!isAsyncApi(path, document.value)) {
    const { handlersOf } = await import('../mock-file/mock-file.ts')
    return handlersOf(document, path)
  }
  const { loadAsyncApi } = await import('../asyncapi/load.ts')
  const { handlers, notes } = await hearReads(onRead, async () => loadAsyncApi(path, options, { document }))
  const said = notes.map(({ level, text }) => `${level} ${text}`).join('\n')
  // Once: a log that is written beside the file would have it read again, and again.
  if (told.get(path) !== said) for (const { level, text } of notes) options.logger[level](text)
  told.set(path, said)
  return handlers
}
