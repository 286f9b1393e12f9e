import { whyNoUws } from '../../scripts/uws-here.mjs'
import { detectRuntime } from '../../src/runtime/detect.ts'
import type { Runtime, RuntimeName } from '../../src/engine/runtime.ts'
import { MemoryRuntime } from '../support/memory-runtime.ts'

const onBun = process.versions['bun'] !== undefined

/**
 * What Node gets if nobody chooses. The package of uWebSockets.js has no binary for the newest Node: `npm test` says
 * then that the runtime uws was not proven. Where it has one, a uws that does not load is a failure.
 */
export const NODE_RUNTIME: 'uws' | 'ws' = whyNoUws() === undefined ? 'uws' : 'ws'

/** The runtimes of Node, and all. */
export const NODE_RUNTIMES: readonly ('uws' | 'ws')[] = NODE_RUNTIME === 'uws' ? ['uws', 'ws'] : ['ws']
export const RUNTIMES: readonly Exclude<RuntimeName, 'memory'>[] = [...NODE_RUNTIMES, 'bun']

/** The runtimes of the platform that this process is; one that cannot run is a failure, never a skip. */
export const NETWORK_RUNTIMES: readonly Exclude<RuntimeName, 'memory'>[] = onBun ? ['bun'] : NODE_RUNTIMES

export async function loadRuntime(name: RuntimeName): Promise<Runtime> {
  if (name === 'memory') return new MemoryRuntime()
  const { runtime } = await detectRuntime(name)
  if (runtime.name !== name) throw new Error(`wanted the runtime ${name}, got ${runtime.name}`)
  return runtime
}

/** The runner says which platform it meant to start: a Bun share that quietly ran in Node would prove nothing. */
export function assertPlatform(): void {
  const wanted = process.env['SIDEWIRE_PLATFORM']
  if (wanted !== undefined && wanted !== (onBun ? 'bun' : 'node'))
    throw new Error(`this run was meant for ${wanted}, but it is ${onBun ? 'Bun' : 'Node'}`)
}
