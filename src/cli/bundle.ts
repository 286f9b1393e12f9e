import { readFile } from 'node:fs/promises'
import { dirname, resolve, sep } from 'node:path'
import { fileURLToPath, pathToFileURL } from 'node:url'
import { build, type OnResolveResult, type Plugin } from 'esbuild'

/** What a module knows about its own place; in the bundle it would be that of the bundle. */
const PLACE = {
  'import.meta.url': '__moduleUrl',
  'import.meta.filename': '__modulePath',
  'import.meta.dirname': '__moduleFolder',
  __filename: '__modulePath',
  __dirname: '__moduleFolder',
}

/** Marks a question that comes from ourselves. */
const PASSED_ON: symbol = Symbol('passed on')

/**
 * `entry` and everything of the project that it imports, TypeScript or JavaScript, as one ES module to be
 * written to `outfile`. One, because Node and Bun never load a module again once it is imported, whatever
 * becomes of its file; a module of another name they do. Packages stay outside: they are loaded once.
 * @param onFile - told each file just before it is read, and the folder in which an import was not found
 */
export async function bundle(
  entry: string,
  outfile: string,
  onFile: (path: string) => void,
): Promise<string> {
  const require = `import { createRequire } from 'node:module'; const require = createRequire(${JSON.stringify(entry)});`
  const { outputFiles } = await build({
    entryPoints: [entry],
    outfile,
    write: false,
    bundle: true,
    platform: 'node',
    target: 'node20',
    format: 'esm',
    external: ['bun', 'bun:*'],
    banner: { js: require },
    define: PLACE,
    sourcemap: 'inline',
    sourcesContent: false,
    logLevel: 'silent',
    plugins: [project(onFile)],
  })
  return outputFiles[0]?.text ?? ''
}

function project(onFile: (path: string) => void): Plugin {
  return {
    name: 'sidewire-project',
    setup(builder) {
      // A config says `import { defineConfig } from 'sidewire'`, also where `npx` brought us: it gets this
      // very copy, so that `instanceof SidewireError` holds.
      builder.onResolve({ filter: /^sidewire$/ }, () => ({ path: ownEntry(), external: true }))
      builder.onResolve(
        { filter: /./ },
        async ({ path, pluginData, ...from }): Promise<OnResolveResult | undefined> => {
          if (from.kind === 'entry-point' || pluginData === PASSED_ON) return undefined
          const found = await builder.resolve(path, { ...from, pluginData: PASSED_ON })
          if (found.errors.length > 0) {
            if (path.startsWith('.')) onFile(dirname(resolve(from.resolveDir, path)))
            return undefined
          }
          if (found.external || !found.path.includes(`${sep}node_modules${sep}`)) return found
          const required = from.kind === 'require-call' || from.kind === 'require-resolve'
          return { path: required ? found.path : pathToFileURL(found.path).href, external: true }
        },
      )
      builder.onLoad({ filter: /./, namespace: 'file' }, async ({ path }) => {
        onFile(path)
        if (!/\.[cm]?[jt]sx?$/.test(path)) return undefined
        const place = { __moduleUrl: pathToFileURL(path), __modulePath: path, __moduleFolder: dirname(path) }
        const constants = Object.entries(place).map(
          ([name, value]) => `const ${name}=${JSON.stringify(value)};`,
        )
        // On the first line, so that the numbers of the others stay.
        return { contents: constants.join('') + (await readFile(path, 'utf8')), loader: 'default' }
      })
    },
  }
}

/** Beside this file in the bundle of this package, a folder up in the sources. */
function ownEntry(): string {
  const url = new URL(import.meta.url.endsWith('.ts') ? '../index.ts' : './index.js', import.meta.url)
  return pathToFileURL(fileURLToPath(url)).href
}
