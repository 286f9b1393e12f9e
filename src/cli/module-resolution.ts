import { readdirSync, realpathSync } from 'node:fs'
import { isBuiltin } from 'node:module'
import { basename, dirname, isAbsolute, join, parse, resolve } from 'node:path'
import { fileURLToPath, pathToFileURL } from 'node:url'
import type { Plugin } from 'esbuild'

/** What `exports` of a package are read with, besides what esbuild adds: as the platform does it. */
export const CONDITIONS: string[] =
  process.versions['bun'] === undefined
    ? [
        'node-addons',
        ...((process.features as { require_module?: boolean }).require_module ? ['module-sync'] : []),
      ]
    : ['bun']

/** Marks our own question, which must not come back to us. */
const ASKED = Symbol('asked')
const SELF = 'sidewire-self'

/**
 * Which modules are in the bundle: files of the project, those of linked packages, and what no platform loads by
 * itself. An installed package stays outside, as it may have a state, and files beside it.
 * @param onFile - told where an import was not found, and the links that lead to one
 */
export function moduleResolution(onFile: (path: string) => void): Plugin {
  return {
    name: 'sidewire-module-resolution',
    setup(build) {
      // A config says `import { defineConfig } from 'sidewire'`, also where `npx` brought us: it gets this very copy,
      // so that `instanceof SidewireError` holds.
      build.onResolve({ filter: OWN }, ({ kind, path }) =>
        kind === 'require-call' ? { path, namespace: SELF } : { path: ownEntry(path), external: true },
      )
      // `require` takes no URL, and not every Node lets it load an ES module.
      build.onLoad({ filter: /./, namespace: SELF }, ({ path }) => ({
        contents: `export * from ${JSON.stringify(ownEntry(path))}`,
      }))
      build.onResolve({ filter: /./ }, async ({ path, pluginData, ...from }) => {
        if (from.kind === 'entry-point' || pluginData === ASKED) return undefined
        if (isBuiltin(path) || /^[a-z][a-z+.-]+:/i.test(path)) return { path, external: true }
        const replaced = replacedByBun(path, from.resolveDir)
        if (replaced !== undefined) return { path: replaced, external: true }
        for (const link of linksOnTheWay(path, from.resolveDir)) onFile(link)
        const found = await build.resolve(path, { ...from, pluginData: ASKED })
        if (found.errors.length > 0) {
          if (path.startsWith('.')) onFile(realPath(dirname(resolve(from.resolveDir, path))))
          // esbuild says it as it should be said: an import within `try` may be missing.
          return undefined
        }
        if (found.external || path.startsWith('.') || !isInstalled(found.path)) return undefined
        // `require` takes no URL, `import` on Windows nothing else.
        const isRequire = from.kind === 'require-call'
        return { path: isRequire ? found.path : pathToFileURL(found.path).href, external: true }
      })
    },
  }
}

/** Bun has its own version of some packages, of `ws` for one, which it takes by their name only. */
function replacedByBun(specifier: string, folder: string): string | undefined {
  if (process.versions['bun'] === undefined || specifier.startsWith('.')) return undefined
  try {
    const url = import.meta.resolve(specifier, pathToFileURL(join(folder, 'x.js')).href)
    return url.startsWith('file:') ? undefined : url
  } catch {
    return undefined
  }
}

/** Node loads no TypeScript from `node_modules`, and JSON only with an attribute. */
function isInstalled(path: string): boolean {
  return /[\\/]node_modules[\\/]/.test(path) && !/\.(?:[cm]?tsx?|json)$/.test(path)
}

/**
 * Symbolic links that an import goes through. Only the file behind them is read, so that who watches that would not
 * see a link being pointed elsewhere.
 */
function linksOnTheWay(specifier: string, folder: string): string[] {
  if (specifier.startsWith('.') || isAbsolute(specifier)) return linksTo(resolve(folder, specifier))
  const name = /^(?:@[^/]+\/)?[^/]+/.exec(specifier)?.[0] ?? specifier
  for (let up = folder; up !== parse(up).root; up = dirname(up)) {
    const links = linksTo(join(up, 'node_modules', name))
    if (links.length > 0) return links
  }
  return []
}

function linksTo(path: string): string[] {
  const folder = dirname(path)
  try {
    const links = readdirSync(folder, { withFileTypes: true })
      // What it is called in full only esbuild knows.
      .filter((entry) => entry.isSymbolicLink() && parse(entry.name).name === parse(basename(path)).name)
      .map(({ name }) => join(folder, name))
    return realPath(folder) === folder ? links : [folder, ...links]
  } catch {
    return []
  }
}

function realPath(path: string): string {
  try {
    return realpathSync(path)
  } catch {
    return path
  }
}

/** What of this package a config may import, in the sources and in the bundle. */
const ENTRIES: Readonly<Record<string, readonly [source: string, built: string]>> = {
  sidewire: ['../index.ts', './index.js'],
  'sidewire/asyncapi': ['../asyncapi/asyncapi.ts', './asyncapi.js'],
  'sidewire/codecs': ['../codecs/codecs.ts', './codecs.js'],
  'sidewire/faults': ['../faults/profiles.ts', './faults.js'],
  'sidewire/mock-file': ['../mock-file/mock-file.ts', './mock-file.js'],
  'sidewire/presets': ['../presets/presets.ts', './presets.js'],
  'sidewire/replay': ['../recording/replay.ts', './replay.js'],
}

const OWN = new RegExp(`^(?:${Object.keys(ENTRIES).join('|')})$`)

/** Beside this file in the bundle of this package, a folder up in the sources. */
function ownEntry(name: string): string {
  const [source, built] = ENTRIES[name] ?? ['', '']
  const url = new URL(import.meta.url.endsWith('.ts') ? source : built, import.meta.url)
  return pathToFileURL(fileURLToPath(url)).href
}
