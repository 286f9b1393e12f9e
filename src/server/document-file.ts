import type { UniversalApiWsHandler } from '../engine/handler/handler.ts'
import { hearReads } from '../documents/reads.ts'

/** Whether it is written in a form of data, and not in code. */
export function isDocument(path: string): boolean {
  return /\.(?:ya?ml|json)$/i.test(path)
}

/**
 * The handlers of a mock file. What reads documents is loaded with the first one.
 * @param onRead - told of each file before it is read; also when one is wrong
 * @throws what `mockFile` throws
 */
export async function loadDocument(
  path: string,
  onRead: (file: string) => void,
): Promise<UniversalApiWsHandler[]> {
  const { mockFile } = await import('../mock-file/mock-file.ts')
  return hearReads(onRead, async () => mockFile(path))
}
