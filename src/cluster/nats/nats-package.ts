import type { connect } from '@nats-io/transport-node'
import { existsSync } from 'node:fs'
import { createRequire } from 'node:module'
import { join } from 'node:path'
import { SidewireError } from '../../engine/errors.ts'

interface NatsPackage {
  readonly connect: typeof connect
}

const NAME = '@nats-io/transport-node'

/**
 * The user's own, as it is no dependency of ours: from beside this package, or else from where the command was started. Its folder
 * is looked for, and not only its name asked for: Bun downloads what it does not find where there is no node_modules.
 * @throws `ERR_BROKER` with the line that installs it
 */
export function loadNats(
  froms: readonly string[] = [import.meta.url, join(process.cwd(), 'x.js')],
): NatsPackage {
  for (const from of froms) {
    const load = createRequire(from)
    for (const folder of load.resolve.paths(NAME) ?? []) {
      const path = join(folder, NAME)
      if (existsSync(join(path, 'package.json'))) return load(path) as NatsPackage
    }
  }
  throw new SidewireError('ERR_BROKER', `a NATS broker needs the package ${NAME}: npm install ${NAME}`)
}
