import { SidewireError } from '../engine/errors.ts'
import type { Runtime } from '../engine/runtime.ts'

export interface Detected {
  readonly runtime: Runtime
  /** One line for the log, when it is not the fastest one for this platform. */
  readonly notice: string | undefined
}

/**
 * Picks the runtime: Bun's own on Bun, else uWebSockets.js, else `ws`. Imports are dynamic, so that Bun never
 * loads uWebSockets.js and Node never loads Bun's.
 * @throws `ERR_RUNTIME` for a forced runtime that cannot load
 */
export async function detectRuntime(choice: 'auto' | 'uws' | 'ws' | 'bun'): Promise<Detected> {
  const onBun = process.versions['bun'] !== undefined
  if (choice === 'bun' || (choice === 'auto' && onBun)) {
    if (!onBun)
      throw new SidewireError(
        'ERR_RUNTIME',
        'option "runtime" is "bun", but this is Node; start it with Bun: bun --bun sidewire serve',
      )
    const { createBunRuntime } = await import('./bun/bun.ts')
    return { runtime: createBunRuntime(), notice: undefined }
  }
  if (choice === 'ws') return { runtime: await loadWs(), notice: undefined }
  if (onBun)
    throw new SidewireError(
      'ERR_RUNTIME',
      'option "runtime" is "uws", but uWebSockets.js does not load in Bun; use "bun" or "auto" there',
    )
  const { loadUws } = await import('./node/load.ts')
  const loaded = await loadUws()
  if (loaded.ok) {
    const { createUwsRuntime } = await import('./node/uws.ts')
    return { runtime: createUwsRuntime(loaded.uws, loaded.description), notice: undefined }
  }
  const why = `uWebSockets.js does not load here (${loaded.reason})`
  if (choice === 'uws') throw new SidewireError('ERR_RUNTIME', `${why}; ${loaded.cure}`)
  return { runtime: await loadWs(), notice: `${why}, so ws serves instead, slower; ${loaded.cure}` }
}

async function loadWs(): Promise<Runtime> {
  const { createWsRuntime } = await import('./node/ws.ts')
  const platform = process.versions['bun']
    ? `Bun ${process.versions['bun']}`
    : `Node ${process.versions.node}`
  return createWsRuntime(`ws on ${platform}`)
}
