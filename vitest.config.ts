import type { ViteUserConfig } from 'vitest/config'
import { LongestFirst } from './test/sequencer.ts'

const isBun = process.versions['bun'] !== undefined

/** What also runs inside Bun: everything that opens sockets on the runtime of the platform. */
const IN_BUN = [
  'test/{cluster,conformance,contract,fuzz,guide,hostile,scenario,server,stress,testing,wire}/**/*.test.ts',
  // The others of them read and write documents, which is the same everywhere.
  'test/asyncapi/{documents,mock,oddities}.test.ts',
  'test/mock-file/mock-file.test.ts',
  'test/inspector/{busy,endpoint}.test.ts',
  'test/metrics/endpoint.test.ts',
  'test/presets/{graphql-ws,json-rpc,msw,phoenix,socket-io,supabase}.test.ts',
  'test/recording/{har,reading,recorder,redaction,replay}.test.ts',
  'test/vite/{contract,beside,inert,secure,lifecycle,files,inspector,middleware,proxies,requests,service}.test.ts',
]

/** What measures time, and so runs last and alone: two files at once would measure each other. */
const TIMED = [
  'test/hostile/**/*.test.ts',
  'test/testing/speed.test.ts',
  ...(isBun ? [] : ['test/inspector/scroll.test.ts', 'test/load/accuracy.test.ts']),
]

/** `npm test` says so in its summary where there is no strace; a run without it fails there instead. */
const isTraceless = process.env['SIDEWIRE_UNPROVEN']?.split(' ').includes('network') === true
const UNPROVEN = isTraceless ? ['test/supply-chain/network.test.ts'] : []

const config: ViteUserConfig = {
  test: {
    // Processes, not threads: a test may send signals, change the working directory or crash a native runtime.
    // The forks of a vitest that runs inside Bun (`bun --bun vitest`) are Bun too.
    pool: 'forks',
    // Node 20 has its own WebSocket behind a flag; it is one of the clients that the contract is tested with.
    ...(!isBun && { execArgv: ['--experimental-websocket', '--expose-gc'] }),
    // For what hangs: no test asks with it how fast something is, and on a busy machine none falls to it.
    testTimeout: 120_000,
    hookTimeout: 120_000,
    expect: { poll: { timeout: 30_000 } },
    teardownTimeout: 10_000,
    // A line for each file: what is fine needs no more, and what fails is shown whole.
    silent: 'passed-only',
    slowTestThreshold: 15_000,
    sequence: { sequencer: LongestFirst },
    projects: [
      {
        extends: true,
        test: {
          name: 'all',
          include: isBun ? IN_BUN : ['test/**/*.test.ts'],
          exclude: [...TIMED, ...UNPROVEN],
          // Most of a test is waiting: three files at a time keep the two cores of CI busy.
          maxWorkers: 3,
          sequence: { groupOrder: 0 },
        },
      },
      {
        extends: true,
        test: { name: 'timed', include: TIMED, maxWorkers: 1, sequence: { groupOrder: 1 } },
      },
    ],
  },
}

export default config
