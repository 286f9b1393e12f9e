import { afterEach, beforeAll, describe, it } from 'vitest'
import type { Runtime } from '../../src/engine/runtime.ts'
import { SECTIONS } from './cases.ts'
import { Contract } from './harness.ts'
import { assertPlatform, loadRuntime, NETWORK_RUNTIMES } from './runtimes.ts'

/** Most of their time goes by in waiting: they are a file of their own, beside that of all others. */
const PATIENT = new Set(['3 connection and order', '6 heartbeat', '8 admission', '8 limits'])

/** The contract on every runtime that there is here, each section in one of two files. */
export async function describeContract(half: 'patient' | 'brisk'): Promise<void> {
  assertPlatform()
  for (const name of ['memory', ...NETWORK_RUNTIMES] as const) {
    const capabilities = (await loadRuntime(name)).capabilities
    describe(`on ${name}`, () => {
      let runtime: Runtime
      let contract: Contract | undefined
      beforeAll(async () => {
        runtime = await loadRuntime(name)
      })
      afterEach(async () => {
        await contract?.end()
        contract = undefined
      })
      for (const [section, cases] of Object.entries(SECTIONS)) {
        if (PATIENT.has(section) !== (half === 'patient')) continue
        describe(section, () => {
          for (const { name: title, run, network, when } of cases) {
            if (network && name === 'memory') continue
            if (when && !when(capabilities)) continue
            it(title, async () => {
              contract = new Contract(runtime)
              await run(contract)
            })
          }
        })
      }
    })
  }
}
