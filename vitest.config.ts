import type { ViteUserConfig } from 'vitest/config'

/** What also runs inside Bun: everything that opens sockets on the runtime of the platform. */
const IN_BUN = [
  'test/{contract,guide,server,stress}/**/*.test.ts',
  'test/vite/{contract,inert,secure,lifecycle,files}.test.ts',
]

const config: ViteUserConfig = {
  test: {
    include: process.versions['bun'] === undefined ? ['test/**/*.test.ts'] : IN_BUN,
    // Processes, not threads: a test may send signals, change the working directory or crash a native runtime.
    // The forks of a vitest that runs inside Bun (`bun --bun vitest`) are Bun too.
    pool: 'forks',
    // Node 20 has its own WebSocket behind a flag; it is one of the clients that the contract is tested with.
    ...(process.versions['bun'] === undefined && { execArgv: ['--experimental-websocket', '--expose-gc'] }),
    maxWorkers: 2,
    testTimeout: 20_000,
    hookTimeout: 30_000,
    teardownTimeout: 10_000,
  },
}

export default config
