import { afterEach, describe, expect, test } from 'vitest'
import { assertPlatform, loadRuntime, NETWORK_RUNTIMES } from '../contract/runtimes.ts'
import type { TestClient } from '../support/client.ts'
import { Attacker, endAll, Victim } from './rig.ts'
import { tlsFiles } from './tls-files.ts'

assertPlatform()
afterEach(endAll)

const ULIMIT = 256
/** More than there are files for. */
const MANY = 400
const ONE_WARNING = [expect.stringMatching(/^warn .*file descriptors of this process run out/)]

describe.each(NETWORK_RUNTIMES)(`${ULIMIT} file descriptors on %s`, (runtime) => {
  test('handshakes get 503 when they run out, and are let in when some are free', async () => {
    const victim = await Victim.start(runtime, { ulimit: ULIMIT })
    const client = await victim.connect()
    const attacker = await Attacker.start(victim.port)
    for (let round = 1; round <= 2; round++) {
      await attacker.start('crowd', { amount: MANY })
      await isWell(victim, client)
    }
    const { open, 101: accepted = 0, 503: refused = 0, retryAfter, ended = 0 } = await attacker.count()
    expect(open).toBe(accepted)
    expect(accepted).toBeGreaterThanOrEqual(ULIMIT / 4)
    expect(refused).toBeGreaterThanOrEqual(ULIMIT / 4)
    expect(retryAfter).toBe(refused)
    expect(accepted + refused + ended).toBe(2 * MANY)
    const stats = await victim.stats()
    expect(stats.connections).toBe(accepted + 1)
    expect(stats.refusedBy).toEqual({ openFiles: stats.refused })
    expect(stats.refused).toBe(refused + ended)
    await attacker.end()
    await expect.poll(() => isLetIn(victim)).toBe(true)
    expect(await victim.log()).toEqual(ONE_WARNING)
    expect(await victim.errors()).toEqual({})
  })

  describe.each(['ws', 'wss'])('%s', (scheme) => {
    test('connections without a handshake do no harm to who is in', async () => {
      const { capabilities } = await loadRuntime(runtime)
      const victim = await Victim.start(runtime, {
        ulimit: ULIMIT,
        ...(scheme === 'wss' && { tls: tlsFiles() }),
      })
      const client = await victim.connect()
      const attacker = await Attacker.start(victim.port)
      await attacker.start('silent', { amount: MANY })
      if (capabilities.hangsUp) {
        await isWell(victim, client)
        const { open = 0 } = await attacker.count()
        expect(open).toBeLessThan(ULIMIT)
        const { refused, refusedBy } = await victim.stats()
        expect(refused).toBe(MANY - open)
        expect(refusedBy).toEqual({ openFiles: refused })
        expect(await victim.log()).toEqual(ONE_WARNING)
      } else {
        // It uses a processor until its own time for handshakes is over; who is in does not suffer.
        client.send('x')
        expect(await client.next()).toBe('x')
      }
      await attacker.end()
      await expect.poll(() => isLetIn(victim)).toBe(true)
    })
  })
})

/** The process has files left, does not spin, and serves who is in. */
async function isWell(victim: Victim, client: TestClient): Promise<void> {
  expect(await victim.files()).toBeLessThan(ULIMIT)
  expect(await victim.cpu()).toBeLessThan(300)
  client.send('x')
  expect(await client.next()).toBe('x')
}

function isLetIn(victim: Victim): Promise<boolean> {
  return victim.connect().then(
    () => true,
    () => false,
  )
}
