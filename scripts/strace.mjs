// Sees to strace, with which the tests prove that nothing calls anybody. Ends with 1 where that cannot be proven.
import { bring, onPath, runs } from './apt.mjs'

const WITHOUT = 'the tests run without that proof, and their summary says so'

const missing = bring(
  {
    name: 'strace',
    reason: 'it shows whom a process calls',
    without: `${WITHOUT} (so they do with SIDEWIRE_INSTALL=no)`,
  },
  () => onPath('strace'),
)
// Containers and some kernels forbid ptrace.
const problem =
  missing ??
  (runs('strace', '-f', '-o', '/dev/null', process.execPath, '--version')
    ? undefined
    : `it may not trace a process here (ptrace): ${WITHOUT}`)
if (problem) {
  console.error(`strace: ${problem}`)
  process.exitCode = 1
}
