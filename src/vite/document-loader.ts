import type { Logger } from '../engine/logger.ts'
import { isDocument, loadDocument } from '../server/document-file.ts'
import { slashed } from './handler-folder.ts'
import type { Loader, Results } from './handler-loader.ts'

interface Loaded {
  readonly result: PromiseSettledResult<{ default?: unknown }>
  /** It, and what it refers to. */
  readonly files: ReadonlySet<string>
}

/** Loads documents beside the modules, which are all that Vite knows. */
export function withDocuments(modules: Loader, logger: Logger): Loader {
  const documents = new Map<string, Loaded>()
  const uses = (file: string): boolean => [...documents.values()].some(({ files }) => files.has(file))
  return {
    async load(files, failed) {
      for (const file of failed) documents.delete(file)
      const results: Results = await modules.load(
        files.filter((file) => !isDocument(file)),
        failed.filter((file) => !isDocument(file)),
      )
      for (const file of files.filter(isDocument)) {
        // The same handlers as long as nothing of it changes: clients stay with them.
        const loaded = documents.get(file) ?? (await load(file, logger))
        documents.set(file, loaded)
        results.set(file, loaded.result)
      }
      return results
    },
    uses: (file) => uses(file) || modules.uses(file),
    forget(file) {
      for (const [path, { files }] of documents) if (files.has(file)) documents.delete(path)
      if (!isDocument(file)) modules.forget(file)
    },
    move: async (file, path) => (isDocument(file) ? void documents.delete(file) : modules.move(file, path)),
    close: () => modules.close(),
  }
}

async function load(file: string, logger: Logger): Promise<Loaded> {
  const files = new Set([file])
  const [result] = await Promise.allSettled([
    loadDocument(file, (read) => files.add(slashed(read)), { logger }),
  ])
  return {
    files,
    result: result.status === 'rejected' ? result : { status: 'fulfilled', value: { default: result.value } },
  }
}
