import { afterEach, describe, expect, test } from 'vitest'
import { assertPlatform, NETWORK_RUNTIMES } from '../contract/runtimes.ts'
import { Attacker, endAll, expectCalm, MEASURED, MIB, p99, Victim } from './rig.ts'

assertPlatform()
afterEach(endAll)

const CLIENTS = 50
const LARGE = 16_000_000

describe.each(NETWORK_RUNTIMES)('large messages on %s', (runtime) => {
  test(
    'bombs: 0.5 MB that inflate to 512 MiB end with 1009, and take no more than maxPayload each',
    MEASURED,
    async () => {
      const victim = await Victim.start(runtime)
      const client = await victim.connect()
      const attacker = await Attacker.start(victim.port)
      const [before, quiet] = [await victim.memory(), await p99(client)]
      await victim.highest()
      await attacker.start('bomb', { amount: 20, path: '/deflate', size: 512 * MIB })
      await expect
        .poll(async () => (await victim.stats()).closedByCode, { timeout: 20_000 })
        .toEqual({ 1009: 20 })
      // 17 MiB is where the runtime gives up, and a buffer doubles to get there.
      expect(await victim.highest()).toBeLessThan(before + 20 * 2 * 17 * MIB)
      expectCalm({ quiet, loud: await p99(client) })
      // One that is just as large as it may be is taken.
      await attacker.start('bomb', { amount: 1, path: '/deflate', size: 16 * MIB })
      await expect.poll(async () => (await victim.stats()).bytesIn).toBeGreaterThanOrEqual(16 * MIB)
      expect((await victim.stats()).connections).toBe(2)
    },
  )

  test(`${CLIENTS} clients that send 16 MB each at once are all served, and the memory comes back`, async () => {
    const victim = await Victim.start(runtime)
    const client = await victim.connect()
    const attacker = await Attacker.start(victim.port)
    const before = await victim.memory()
    const bytes = async (): Promise<number> => (await victim.stats()).bytesIn
    for (let round = 1; round <= 2; round++) {
      await victim.highest()
      const start = await bytes()
      await attacker.start('large', { amount: CLIENTS, path: '/size', size: LARGE })
      // The others have their turns meanwhile, if not as soon as usual.
      let turns = 0
      while ((await bytes()) - start < CLIENTS * LARGE) {
        client.send('x')
        expect(await client.next()).toBe('x')
        turns++
      }
      expect(turns).toBeGreaterThan(0)
      // All of them at once, and half as much again: never more, however often.
      expect(await victim.highest()).toBeLessThan(before + 1.5 * CLIENTS * LARGE)
      await attacker.end()
      await expect.poll(async () => (await victim.stats()).connections).toBe(1)
    }
    expect((await victim.stats()).closedByCode).toEqual({ 1006: 2 * CLIENTS })
  })

  test(
    'messages that are never finished hold no more than they have sent, and a heartbeat ends them',
    MEASURED,
    async () => {
      const victim = await Victim.start(runtime, { limits: { heartbeat: 500, maxPayload: 2 * MIB } })
      const client = await victim.connect()
      const attacker = await Attacker.start(victim.port)
      const [before, files, quiet] = [await victim.memory(), await victim.files(), await p99(client)]
      await victim.highest()
      await attacker.start('unfinished', { amount: CLIENTS, path: '/size', size: MIB })
      await expect.poll(async () => (await victim.stats()).connections).toBe(1)
      expect(await victim.highest()).toBeLessThan(before + 2 * CLIENTS * MIB)
      await expect.poll(() => victim.files()).toBe(files)
      expect(await victim.errors()).toEqual({ ERR_HEARTBEAT_TIMEOUT: CLIENTS })
      expectCalm({ quiet, loud: await p99(client) })
    },
  )
})
