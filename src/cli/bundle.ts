import { randomUUID } from 'node:crypto'
import { mkdirSync, realpathSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { build, type Message } from 'esbuild'
import { CONDITIONS, moduleResolution } from './module-resolution.ts'
import { DEFINE, moduleScope, scopeBanner } from './module-scope.ts'

interface Module {
  readonly default?: unknown
}

/**
 * Imports `entry` and everything of the project that it imports, TypeScript or JavaScript, afresh: as one new
 * module, because Node and Bun never load a module again once it is imported. Installed packages stay outside.
 * The project's own folders are only read.
 * @param onFile - told each file just before it is read, and each folder or link that decides which one it is
 */
export async function importFresh(entry: string, onFile: (path: string) => void): Promise<Module> {
  const folder = temporaryFolder()
  const outfile = join(folder ?? dirname(entry), 'bundle.mjs')
  const { outputFiles, warnings } = await build({
    entryPoints: [entry],
    outfile,
    absWorkingDir: dirname(entry),
    bundle: true,
    write: false,
    format: 'esm',
    platform: 'node',
    target: 'node20',
    logLevel: 'silent',
    sourcemap: 'inline',
    sourcesContent: false,
    // As Node does, which knows no "module".
    mainFields: ['main'],
    conditions: CONDITIONS,
    define: DEFINE,
    banner: { js: scopeBanner(entry, folder) },
    plugins: [moduleResolution(onFile), moduleScope(onFile)],
  })
  const [code = new Uint8Array()] = outputFiles.map(({ contents }) => contents)
  try {
    return await (folder !== undefined && write(outfile, code)
      ? (import(pathToFileURL(outfile).href) as Promise<Module>)
      : importFromMemory(code))
  } catch (error) {
    throw mixedForms(warnings, error) ?? error
  } finally {
    // It removes itself when it runs; a bundle that cannot be linked never does.
    if (folder !== undefined) rmSync(folder, { recursive: true, force: true })
  }
}

/** What Node and Bun throw then; what the config itself throws is more to the point. */
const MIXED = new Set(['ReferenceError', 'SyntaxError', 'BuildMessage'])

/** What a platform says of `module.exports` in an ES module differs, and names neither the reason nor the cure. */
function mixedForms(warnings: readonly Message[], cause: unknown): Error | undefined {
  const [mixed] = warnings.filter(({ id }) => id === 'commonjs-variable-in-esm')
  if (!mixed || !MIXED.has(String((cause as Partial<Error> | null)?.name))) return undefined
  const text =
    'this file is an ES module, because of its name or of "type": "module" in package.json, and cannot use module.exports; ' +
    'write export default, or name it .cjs or .cts'
  return Object.assign(new Error(text, { cause }), { errors: [{ ...mixed, text }] })
}

/** A name, not a folder yet: a failing build leaves nothing behind. */
function temporaryFolder(): string | undefined {
  try {
    // Source maps are relative to where a module really is.
    return join(realpathSync(tmpdir()), `sidewire-${randomUUID()}`)
  } catch {
    return undefined
  }
}

function write(path: string, code: Uint8Array): boolean {
  const folder = dirname(path)
  try {
    // For nobody else: a config may have secrets in it.
    mkdirSync(folder, { mode: 0o700 })
    writeFileSync(path, code)
    return true
  } catch {
    rmSync(folder, { recursive: true, force: true })
    return false
  }
}

/** Where nothing can be written at all. Not always: neither Node nor Bun maps the stacks of such a module back. */
function importFromMemory(code: Uint8Array): Promise<Module> {
  // A name for stacks, which would else show all of the code.
  const text = `${Buffer.from(code)
    .toString()
    .replace(/\n\/\/# sourceMappingURL=.*\s*$/, '')}\n//# sourceURL=bundle.mjs\n`
  return import(`data:text/javascript;base64,${Buffer.from(text).toString('base64')}`) as Promise<Module>
}
