import { execFileSync } from 'node:child_process'
import { symlinkSync } from 'node:fs'
import { join } from 'node:path'
import { ROOT } from '../cli/cli.ts'

/** What a user has after `git clone` and `npm ci`: the last commit, with nothing built. */
export function freshClone(folder: string): string {
  const clone = join(folder, 'clone')
  execFileSync('git', ['clone', '--quiet', '--depth', '1', `file://${ROOT}`, clone])
  symlinkSync(join(ROOT, 'node_modules'), join(clone, 'node_modules'), 'junction')
  return clone
}
