import { createRequire } from 'node:module'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import type { UwsModule } from './uws-module.ts'

export type LoadedUws =
  | { readonly ok: true; readonly uws: UwsModule; readonly description: string }
  /** One line: why not. */
  | { readonly ok: false; readonly reason: string }

/** How to get the native runtime, for messages. */
export const howToGetUws: string =
  'npm install uNetworking/uWebSockets.js#v20.67.0 brings the official build (Node 22, 24, 26; glibc 2.38 or newer)'

/**
 * uWebSockets.js takes 4 KB of headers unless its environment says otherwise when it loads. The cookies of everything
 * that runs on localhost may be more; Node and Bun take 16 KB.
 */
const MAX_HEADERS_SIZE = '16384'

/** The user's own uWebSockets.js, from its official source, comes first; ours is a repack of older builds. */
export async function loadUws(): Promise<LoadedUws> {
  process.env['UWS_HTTP_MAX_HEADERS_SIZE'] ??= MAX_HEADERS_SIZE
  const reasons: string[] = []
  for (const load of [loadFromProject, loadOurs]) {
    try {
      const loaded = await load()
      if (loaded) return { ok: true, ...loaded }
    } catch (error) {
      reasons.push(explain(error))
    }
  }
  return { ok: false, reason: reasons[0] ?? 'uWebSockets.js is not installed' }
}

interface Loaded {
  readonly uws: UwsModule
  readonly description: string
}

async function loadFromProject(): Promise<Loaded | undefined> {
  const projectRequire = createRequire(join(process.cwd(), 'package.json'))
  let path: string
  try {
    path = projectRequire.resolve('uWebSockets.js')
  } catch {
    return undefined
  }
  return describeModule(await import(pathToFileURL(path).href))
}

async function loadOurs(): Promise<Loaded> {
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
  // Its own text names platforms in general; which one this is helps more.
  if (message.includes('supports only Node.js versions') && !message.includes('GLIBC'))
    return `no binary for Node ${process.versions.node} on ${process.platform}-${process.arch}`
  const glibc = /GLIBC_[\d.]+/.exec(message)
  if (glibc) return `its binary needs ${glibc[0]}`
  return message.split('\n').find((line) => line.trim() !== '') ?? message
}
