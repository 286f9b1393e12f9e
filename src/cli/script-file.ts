import { existsSync } from 'node:fs'
import { SidewireError } from '../engine/errors.ts'
import type { LoadScript } from '../load/load-script.ts'
import { shown } from '../load/mask.ts'
import { importFresh } from './bundle.ts'
import { shortPath } from '../documents/short-path.ts'
import { defaultOf, explain } from './config-file.ts'

const EXAMPLE = 'export default defineScript({ next: (client, n) => ... })'

/**
 * Loads a load script, TypeScript or JavaScript.
 * @throws `ERR_CONFIG`, in one line
 */
export async function loadScript(path: string): Promise<LoadScript> {
  const name = shown(shortPath(path))
  if (!existsSync(path)) throw new SidewireError('ERR_CONFIG', `there is no script "${name}"`)
  const files = new Set([path])
  let script: Partial<LoadScript> | undefined
  try {
    script = defaultOf(await importFresh(path, (file) => void files.add(file))) as typeof script
  } catch (cause) {
    throw new SidewireError('ERR_CONFIG', `cannot load ${name}: ${shown(explain(cause, path, files))}`, {
      cause,
    })
  }
  if (typeof script !== 'object' || typeof script.next !== 'function')
    throw new SidewireError(
      'ERR_CONFIG',
      `${name} has no default export with a function next; write: ${EXAMPLE}`,
    )
  for (const hook of ['onOpen', 'onMessage'] as const)
    if (script[hook] !== undefined && typeof script[hook] !== 'function')
      throw new SidewireError('ERR_CONFIG', `${name}: ${hook} has to be a function`)
  return script as LoadScript
}
