import { afterEach, describe, expect, test } from 'vitest'
import { SECTIONS } from '../contract/cases.ts'
import { Contract, type Case } from '../contract/harness.ts'
import { assertPlatform, loadRuntime, NETWORK_RUNTIMES, NODE_RUNTIME } from '../contract/runtimes.ts'
import { VITES } from './rig.ts'
import { serveThrough } from './serve-through.ts'

/**
 * What a tunnel and the server in front of it could change: handshakes, ends, bytes and plain HTTP. All the rest is far behind
 * them, and one pair shows that it is the same through them.
 */
const NEAR = new Set([
  '1 configuration',
  '3 connection and order',
  '3 closing',
  '4 authentication',
  '7 compression',
  '8 admission',
  '9 who may connect',
  '11 HTTP',
])

/** `ws` and Bun's runtime need one Vite only: the tunnel does not know what is behind it. */
const PAIRS = NETWORK_RUNTIMES.flatMap((runtime) =>
  VITES.filter(({ name }) => runtime === NODE_RUNTIME || name === 'Vite 8').map((vite) => ({
    ...vite,
    runtime,
    isWhole: vite.name === 'Vite 8' && runtime === NETWORK_RUNTIMES[0],
  })),
)

/** The contract through a dev server's port: whole, of one pair of Vite and runtime; or what is near the tunnel, of all others. */
export function describeContractThrough(part: 'whole' | 'near'): void {
  assertPlatform()
  const pairs = PAIRS.filter(({ isWhole }) => isWhole === (part === 'whole'))
  describe.each(pairs)(
    'the contract through the port of $name, on $runtime',
    async ({ load, runtime: name, isWhole }) => {
      const runtime = await loadRuntime(name)
      const vite = await load()
      let contract: Contract | undefined
      afterEach(async () => {
        await contract?.end()
        contract = undefined
      })
      const planned = new Map<string, readonly Case[]>()
      for (const [section, cases] of Object.entries(SECTIONS)) {
        if (!isWhole && !NEAR.has(section)) continue
        planned.set(
          section,
          cases.filter(
            ({ standalone, when }) => standalone === undefined && when?.(runtime.capabilities) !== false,
          ),
        )
      }
      // So that no reason for leaving one out ever leaves out all of them.
      test('nearly all cases, of every section that there is, run', () => {
        expect([...planned.values()].flat().length).toBeGreaterThan(isWhole ? 300 : 150)
        expect([...planned.values()].every((cases) => cases.length > 0)).toBe(true)
      })
      for (const [section, cases] of planned) {
        describe(section, () => {
          for (const { name: title, run } of cases) {
            test(title, async () => {
              contract = new Contract(runtime, (options) => serveThrough(vite, name, options))
              await run(contract)
            })
          }
        })
      }
    },
  )
}
