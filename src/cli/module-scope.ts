import { readFile } from 'node:fs/promises'
import { extname } from 'node:path'
import { pathToFileURL } from 'node:url'
import { transform, type Loader, type Plugin } from 'esbuild'

/** What a module knows of its own place, by the names under which the bundle has it. */
export const DEFINE: Readonly<Record<string, string>> = {
  __dirname: '__sidewire_scope.dirname',
  __filename: '__sidewire_scope.filename',
  'import.meta': '__sidewire_scope.meta',
  'require.resolve': '__sidewire_scope.require.resolve',
}
const NAMES = /\b(?:__dirname|__filename|import\.meta|require\.resolve)\b/
/** An import of what only shows at run time; a literal, or what begins with one, is esbuild's. */
const LATE_IMPORT = /\bimport\s*\(\s*[^'"`\s]/

/**
 * What stands at the beginning of a bundle, once for all of its modules: how each gets its place, and for esbuild
 * the `require` that an ES module has not. Not looked at by esbuild, so that `import.meta` is the bundle's own here.
 * @param folder - that of the bundle: once it runs nobody needs it, and the configuration may never come to an end
 */
export function scopeBanner(entry: string, folder: string | undefined): string {
  return `
import __sidewire_module from 'node:module';
import { basename as __sidewire_basename, dirname as __sidewire_dirname } from 'node:path';
import { rmSync as __sidewire_remove } from 'node:fs';
import { pathToFileURL as __sidewire_url } from 'node:url';
${folder === undefined ? '' : `__sidewire_remove(${JSON.stringify(folder)}, { recursive: true, force: true });`}
const require = __sidewire_module.createRequire(${JSON.stringify(entry)});
function __sidewire_at(filename, url) {
  const dirname = __sidewire_dirname(filename);
  const require = __sidewire_module.createRequire(filename);
  const resolve = (id) => (/^(\\.{0,2}\\/|[a-z][a-z+.-]+:)/i.test(id) ? new URL(id, url).href : __sidewire_resolve(id, url, require));
  const meta = { __proto__: null, dirname, filename, resolve, url };
  if (process.versions.bun) Object.assign(meta, { dir: dirname, file: __sidewire_basename(filename), path: filename, main: false, env: process.env, require });
  let importer;
  const importLate = (name, options) => (importer ??= __sidewire_importer(filename))(name, options);
  return { dirname, filename, meta, require, import: importLate };
}
function __sidewire_resolve(id, url, require) {
  if (process.versions.bun) return import.meta.resolve(id, url);
  if (__sidewire_module.isBuiltin(id)) return id.startsWith('node:') ? id : 'node:' + id;
  return __sidewire_url(require.resolve(id)).href;
}
function __sidewire_importer(filename) {
  const module = new __sidewire_module(filename);
  module._compile('module.exports = (name, options) => import(name, options)', filename);
  return module.exports;
}
`
}

/**
 * Gives each module of a bundle the place that its file has: `__dirname`, `import.meta`, and what it imports at run
 * time. Node knows of none of them in a bundle, which is one module, and is elsewhere.
 */
export function moduleScope(onFile: (path: string) => void): Plugin {
  return {
    name: 'sidewire-module-scope',
    setup(build) {
      build.onLoad({ filter: /./, namespace: 'file' }, async ({ path }) => {
        onFile(path)
        if (!/\.[cm]?[jt]sx?$/.test(path)) return undefined
        const code = (await readFile(path, 'utf8')).replace(/^\uFEFF?#!/, '//')
        const loader = extname(path).replace(/^\.[cm]?/, '') as Loader
        const late = LATE_IMPORT.test(code) ? await moveLateImports(code, path, loader) : undefined
        if (late === undefined && !NAMES.test(code)) return { contents: code, loader }
        const scope = `__sidewire_at(${JSON.stringify(path)}, ${JSON.stringify(pathToFileURL(path).href)})`
        // On the first line, so that all lines keep their numbers.
        return {
          contents: `var __sidewire_scope = ${scope};${late ?? code}`,
          loader: late === undefined ? loader : 'js',
        }
      })
    },
  }
}

/** Leads `import(name)` to a function that imports from where the file is. */
async function moveLateImports(code: string, path: string, loader: Loader): Promise<string | undefined> {
  const { init, parse } = await import('es-module-lexer')
  await init
  let plain: string
  try {
    // The lexer knows no types.
    plain = (await transform(code, { loader, sourcefile: path, sourcemap: 'inline', sourcesContent: false }))
      .code
  } catch {
    // The bundle says the same, with the place.
    return undefined
  }
  let moved = ''
  let done = 0
  for (const { d, n, s, ss } of parse(plain)[0]) {
    if (d < 0 || n !== undefined || /^\s*['"`]/.test(plain.slice(s))) continue
    moved += `${plain.slice(done, ss)}__sidewire_scope.import`
    done = ss + 'import'.length
  }
  return moved + plain.slice(done)
}
