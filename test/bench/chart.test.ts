import { execFile } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { test } from 'vitest'

const CHART = fileURLToPath(new URL('../../bench/chart.mjs', import.meta.url))

test('docs/how-fast.md and docs/bench.svg have the figures of the last benchmark', async () => {
  await promisify(execFile)(process.execPath, [CHART, '--check']) // rejects with what is not as measured
})
