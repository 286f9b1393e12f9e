import type { connect } from '@nats-io/transport-node'
import { createRequire } from 'node:module'
import { join } from 'node:path'
import { SidewireError } from '../../engine/errors.ts'

interface NatsPackage {
  readonly connect: typeof connect
}

const NAME = '@nats-io/transport-node'

/**
 * The user's own, as it is no dependency of ours: from beside this package, or else from where the command was started.
 * @throws `ERR_BROKER` with the line that installs it
 */
export function loadNats(
  froms: readonly string[] = [import.meta.url, join(process.cwd(), 'x.js')],
): NatsPackage {
  for (const from of froms) {
    const load = createRequire(from)
    try {
      return load(NAME) as NatsPackage
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'MODULE_NOT_FOUND') throw error
    }
  }
  throw new SidewireError('ERR_BROKER', `a NATS broker needs the package ${NAME}: npm install ${NAME}`)
}
