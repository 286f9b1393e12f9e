import { createRequire } from 'node:module'
import { join, sep } from 'node:path'
import { fileURLToPath, pathToFileURL } from 'node:url'
import { isMainThread } from 'node:worker_threads'
import { here, howToGetUws } from './how-to-get-uws.ts'
import type { UwsModule } from './uws-module.ts'

export type LoadedUws =
  | { readonly ok: true; readonly uws: UwsModule; readonly description: string }
  /** One line each: why not, and what helps. */
  | { readonly ok: false; readonly reason: string; readonly cure: string }

/**
 * The sockets of uWebSockets.js are polls on the event loop of the thread, and Node ends the whole process (SIGABRT) when
 * a thread ends before they do. No code runs in a thread that is terminated, as Vitest's threads are, so nothing can
 * close them: `process.on('exit')` comes only if the thread ends by itself.
 */
const IN_WORKER = {
  reason: 'this is a worker thread, and one that ends before its server is closed would abort the process',
  cure: "the main thread and child processes have it (Vitest: pool: 'forks')",
} as const

/**
 * uWebSockets.js takes 4 KB of headers unless its environment says otherwise when it loads. The cookies of everything
 * that runs on localhost may be more; Node and Bun take 16 KB.
 */
const MAX_HEADERS_SIZE = '16384'

const NOT_INSTALLED = 'it is not installed'

/** The module that asks. */
const OURSELVES = fileURLToPath(import.meta.url)

/** As scripts/make-uws-packages.mjs names them: a binary each. */
const PACKAGE = `@sidewire/uws-${process.platform}-${process.arch}-${process.versions.modules}`

/** The user's own uWebSockets.js comes first, then the binary for this machine alone, then the repack with those for all. */
export async function loadUws(): Promise<LoadedUws> {
  if (!isMainThread) return { ok: false, ...IN_WORKER }
  process.env['UWS_HTTP_MAX_HEADERS_SIZE'] ??= MAX_HEADERS_SIZE
  const reasons: string[] = []
  const projects = projectsOfUser()
  const paths = [...pathsOf('uWebSockets.js', projects), ...pathsOf(PACKAGE, [OURSELVES, ...projects])]
  for (const load of [...paths.map((path) => () => loadFile(path)), loadRepack]) {
    try {
      return { ok: true, ...(await load()) }
    } catch (error) {
      reasons.push(explain(error))
    }
  }
  return { ok: false, reason: reasons[0] ?? NOT_INSTALLED, cure: howToGetUws(here()) }
}

interface Loaded {
  readonly uws: UwsModule
  readonly description: string
}

/**
 * A module in each: in the project of the working directory, and in the one that sidewire is installed in, which is another for a script that is
 * started from elsewhere. From sidewire itself Node would see the repack first, which npm puts below it then.
 */
function projectsOfUser(): string[] {
  const [installedIn = '', ...inside] = OURSELVES.split(`${sep}node_modules${sep}`)
  return [process.cwd(), ...(inside.length > 0 ? [installedIn] : [])].map((project) =>
    join(project, 'package.json'),
  )
}

/** Of a package, as these modules would find it. */
function pathsOf(name: string, modules: readonly string[]): string[] {
  const found = modules.flatMap((module) => {
    try {
      return createRequire(module).resolve(name)
    } catch {
      return []
    }
  })
  return [...new Set(found)]
}

async function loadFile(path: string): Promise<Loaded> {
  // A binary is no ES module.
  if (path.endsWith('.node')) return describeModule(createRequire(path)(path) as UwsModule)
  return describeModule((await import(pathToFileURL(path).href)) as UwsModule)
}

async function loadRepack(): Promise<Loaded> {
  return describeModule((await import('uWebSockets.js')) as unknown as UwsModule)
}

function describeModule(module: UwsModule & { default?: UwsModule }): Loaded {
  // The official package is CommonJS, the repack has named exports only.
  const uws = module.default ?? module
  if (typeof uws.App !== 'function') throw new Error('the package uWebSockets.js has no App')
  return { uws, description: `uWebSockets.js on Node ${process.versions.node}` }
}

function explain(error: unknown): string {
  const message = error instanceof Error ? error.message : String(error)
  if (message.startsWith("Cannot find package 'uWebSockets.js'")) return NOT_INSTALLED
  // Its own text names platforms in general; which one this is helps more.
  if (message.includes('supports only Node.js versions') && !message.includes('GLIBC'))
    return `no binary for Node ${process.versions.node} on ${process.platform}-${process.arch}`
  const glibc = /GLIBC_[\d.]+/.exec(message)
  if (glibc) return `its binary needs ${glibc[0]}`
  return message.split('\n').find((line) => line.trim() !== '') ?? message
}
