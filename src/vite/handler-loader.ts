import { createRequire } from 'node:module'
import { dirname, join } from 'node:path'
import { pathToFileURL } from 'node:url'
import type { createServerModuleRunner, ResolvedConfig, runnerImport, ViteDevServer } from 'vite'

/** What is needed of Vite's own exports. */
interface Vite {
  readonly createServerModuleRunner: typeof createServerModuleRunner
  readonly runnerImport: typeof runnerImport
}

export type Results = Map<string, PromiseSettledResult<{ default?: unknown }>>

/** Loads modules through Vite, so that its aliases and TypeScript work in them. */
export interface Loader {
  /** @param failed - files whose last loading failed, for a reason that may lie in what they import */
  load(files: readonly string[], failed: readonly string[]): Promise<Results>
  /** Whether a loaded module came from this file. */
  uses(file: string): boolean
  /** The file has changed: it, and what imports it, is evaluated afresh next time. */
  forget(file: string): void
  /** What was at `path`, behind a symbolic link, came from this file, and is now another one. */
  move(file: string, path: string): Promise<void>
  close(): Promise<void>
}

/**
 * With a module runner of our own: `ssrLoadModule` writes each error to the terminal by itself, and modules that an
 * application's server side imports too would be forgotten at its times, not at ours.
 */
export async function loadForDev(server: ViteDevServer): Promise<Loader> {
  const vite = await viteOf(server.config.root)
  const runner = vite.createServerModuleRunner(server.environments.ssr, { hmr: false })
  const modules = runner.evaluatedModules
  /** Returns the files that they came from. */
  const invalidate = (ids: Iterable<string>, next: 'imports' | 'importers'): Set<string> => {
    const files = new Set<string>()
    const pending = [...ids]
    const seen = new Set(pending)
    for (const id of pending) {
      const module = modules.getModuleById(id)
      if (!module) continue
      for (const neighbour of module[next]) {
        if (!seen.has(neighbour)) pending.push(neighbour)
        seen.add(neighbour)
      }
      files.add(module.file)
      modules.invalidateModule(module)
    }
    return files
  }
  const idsOf = (file: string): string[] =>
    [...(modules.getModulesByFile(file) ?? [])].map((module) => module.id)

  const forget = (file: string): void => {
    // Of importers Vite would keep where their imports lead to; that is elsewhere once a link is pointed elsewhere.
    const files = invalidate(idsOf(file), 'importers').add(file)
    for (const each of files) server.environments.ssr.moduleGraph.onFileChange(each)
  }

  return {
    async load(files, failed) {
      for (const file of failed) invalidate(idsOf(file), 'imports')
      // Vite keeps what it made of an import that leads nowhere, though the file may be there by now.
      for (const file of failed) server.environments.ssr.moduleGraph.onFileChange(file)
      const results = await Promise.allSettled(
        files.map((file) => runner.import<{ default?: unknown }>(file)),
      )
      return new Map(files.flatMap((file, index) => (results[index] ? [[file, results[index]]] : [])))
    },
    uses: (file) => (modules.getModulesByFile(file)?.size ?? 0) > 0,
    forget,
    async move(file, path) {
      forget(file)
      // Vite 8 keeps where paths lead to until one is made or removed, and does not see that of links.
      await server.environments.ssr.pluginContainer.watchChange(path, { event: 'create' })
    },
    close: () => runner.close(),
  }
}

/** For a preview server, which has no module graph: all files in one run, so that they share what they import. */
export function loadOnce({ root, resolve }: ResolvedConfig): Loader {
  const entry = 'virtual:sidewire-handler-files'
  return {
    async load(files) {
      const vite = await viteOf(root)
      const list = files.map((file) => JSON.stringify(file)).map((file) => `[${file}, import(${file})]`)
      const { module } = await vite.runnerImport<{ default: [string, PromiseSettledResult<object>][] }>(
        entry,
        {
          root,
          resolve: { alias: resolve.alias },
          logLevel: 'silent',
          plugins: [
            {
              name: 'sidewire-handler-files',
              resolveId: (id) => (id === entry ? `\0${entry}` : undefined),
              load: (id) =>
                id === `\0${entry}`
                  ? `const files = [${list.join(', ')}]
                   const results = await Promise.allSettled(files.map(([, module]) => module))
                   export default files.map(([file], index) => [file, results[index]])`
                  : undefined,
            },
          ],
        },
      )
      return new Map(module.default)
    },
    uses: () => false,
    forget: () => {},
    move: async () => {},
    close: async () => {},
  }
}

/**
 * The project's Vite. In a workspace the one that is found from this package may be of another version, and the module
 * runner of one does not speak to the server of another.
 */
async function viteOf(root: string): Promise<Vite> {
  try {
    const { resolve } = createRequire(join(root, 'package.json'))
    const entry = join(dirname(resolve('vite/package.json')), 'dist/node/index.js')
    return (await import(pathToFileURL(entry).href)) as Vite
  } catch {
    return import('vite')
  }
}
