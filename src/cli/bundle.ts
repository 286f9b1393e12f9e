import { dirname, resolve } from 'node:path'
import { fileURLToPath, pathToFileURL } from 'node:url'
import { bundleRequire } from 'bundle-require'
import type { Plugin } from 'esbuild'

/**
 * Imports `entry` and everything of the project that it imports, TypeScript or JavaScript, afresh: as one new
 * module, because Node and Bun never load a module again once it is imported. Packages stay outside.
 * @param onFile - told each file just before it is read, and the folder in which an import was not found
 */
export async function importFresh(
  entry: string,
  onFile: (path: string) => void,
): Promise<{ default?: unknown }> {
  const require = `import { createRequire } from 'node:module'; const require = createRequire(${JSON.stringify(entry)});`
  const { mod } = await bundleRequire<{ default?: unknown }>({
    filepath: entry,
    cwd: dirname(entry),
    format: 'esm',
    esbuildOptions: {
      target: 'node20',
      logLevel: 'silent',
      banner: { js: require },
      sourcesContent: false,
      plugins: [project(onFile)],
    },
  })
  return mod
}

/** Marks our own question, which must not come back to us. */
const ASKED = Symbol('asked')

function project(onFile: (path: string) => void): Plugin {
  return {
    name: 'sidewire-project',
    setup(build) {
      // A config says `import { defineConfig } from 'sidewire'`, also where `npx` brought us: it gets this
      // very copy, so that `instanceof SidewireError` holds.
      build.onResolve({ filter: /^sidewire$/ }, () => ({ path: ownEntry(), external: true }))
      // What is not there is an error of the import that asks for it, not of the bundle at run time.
      build.onResolve({ filter: /./ }, async ({ path, pluginData, ...from }) => {
        if (from.kind === 'entry-point' || pluginData === ASKED || /^bun(:|$)/.test(path)) return undefined
        const { errors } = await build.resolve(path, { ...from, pluginData: ASKED })
        if (errors.length > 0 && path.startsWith('.')) onFile(dirname(resolve(from.resolveDir, path)))
        return errors.length > 0 ? { errors } : undefined
      })
      build.onLoad({ filter: /./, namespace: 'file' }, ({ path }) => {
        onFile(path)
        return undefined
      })
    },
  }
}

/** Beside this file in the bundle of this package, a folder up in the sources. */
function ownEntry(): string {
  const url = new URL(import.meta.url.endsWith('.ts') ? '../index.ts' : './index.js', import.meta.url)
  return pathToFileURL(fileURLToPath(url)).href
}
