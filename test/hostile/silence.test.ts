import { afterEach, describe, expect, test } from 'vitest'
import type { RuntimeName } from '../../src/engine/runtime.ts'
import { assertPlatform, loadRuntime, NETWORK_RUNTIMES } from '../contract/runtimes.ts'
import { within } from '../support/client.ts'
import { RawClient } from '../support/raw-client.ts'
import { Attacker, endAll, expectCalm, MEASURED, MIB, p99, Victim } from './rig.ts'
import { tlsFiles } from './tls-files.ts'

assertPlatform()
afterEach(endAll)

/** As many as it takes to notice a kilobyte each. */
const MANY = 10_000

describe.each(NETWORK_RUNTIMES)('silence on %s', (runtime) => {
  test(
    `${MANY} TCP connections without a word, and handshakes of a byte a second, are cut off`,
    MEASURED,
    async () => {
      const victim = await Victim.start(runtime)
      const client = await victim.connect()
      const [silent, slow] = [await Attacker.start(victim.port), await Attacker.start(victim.port)]
      const [before, files, quiet] = [await victim.memory(), await victim.files(), await p99(client)]
      await victim.highest()
      expect(await silent.start('silent', { amount: MANY })).toEqual({ open: MANY })
      expect(await slow.start('trickle', { amount: 1000 })).toEqual({ open: 1000 })
      expectCalm({ quiet, loud: await p99(client) })
      const expectCutOff = async (): Promise<void> => {
        await expect.poll(async () => (await silent.count())['open'], { timeout: 16_000 }).toBe(0)
        await expect.poll(async () => (await slow.count())['open'], { timeout: 16_000 }).toBe(0)
      }
      // TLS takes as long.
      await Promise.all([expectCutOff(), expectTlsCutOff(runtime)])
      expect(await victim.highest()).toBeLessThan(before + 200 * MIB)
      await expect.poll(() => victim.files()).toBe(files)
      const { refused, refusedBy, opened, connections } = await victim.stats()
      expect([opened, connections]).toEqual([1, 1])
      // Where the runtime tells.
      const { capabilities } = await loadRuntime(runtime)
      expect(refused).toBe(capabilities.handshakeTimeout ? MANY + 1000 : 0)
      expect(refusedBy).toEqual(capabilities.handshakeTimeout ? { handshakeTimeout: refused } : {})
      // Everything is as before for those who speak.
      await victim.connect()
      expectCalm({ quiet, loud: await p99(client) })
    },
  )

  test(`${MANY} WebSocket connections without a word cost little, and disturb nobody`, MEASURED, async () => {
    const victim = await Victim.start(runtime)
    const client = await victim.connect()
    const attacker = await Attacker.start(victim.port)
    const [before, files, quiet] = [await victim.memory(), await victim.files(), await p99(client)]
    await attacker.start('idle', { amount: MANY })
    expect((await victim.stats()).connections).toBe(MANY + 1)
    expect((await victim.memory()) - before).toBeLessThan(MANY * 16 * 1024)
    expectCalm({ quiet, loud: await p99(client, 1000) })
    await attacker.end()
    await expect.poll(async () => (await victim.stats()).connections).toBe(1)
    await expect.poll(() => victim.files()).toBe(files)
    const { opened, closed, closedByCode } = await victim.stats()
    expect({ opened, closed, closedByCode }).toEqual({
      opened: MANY + 1,
      closed: MANY,
      closedByCode: { 1006: MANY },
    })
  })

  test('who never answers a heartbeat is gone, all of them, and those who do stay', async () => {
    const victim = await Victim.start(runtime, { limits: { heartbeat: 200 } })
    const client = await victim.connect('/echo')
    const attacker = await Attacker.start(victim.port)
    await attacker.start('idle', { amount: 500 })
    await expect.poll(async () => (await victim.stats()).connections, { timeout: 8000 }).toBe(1)
    client.send('x')
    expect(await client.next()).toBe('x')
    expect((await victim.stats()).closedByCode).toEqual({ 1006: 500 })
    expect(await victim.errors()).toEqual({ ERR_HEARTBEAT_TIMEOUT: 500 })
    await expect.poll(async () => (await attacker.count())['open']).toBe(0)
  })

  test(
    'who never answers a close frame is gone after 2 s, and who never reads it, too',
    MEASURED,
    async () => {
      const victim = await Victim.start(runtime, { closeTimeout: 500 })
      const client = await victim.connect()
      const [attacker, deaf] = [await Attacker.start(victim.port), await Attacker.start(victim.port)]
      const [files, quiet] = [await victim.files(), await p99(client)]
      await attacker.start('once', { amount: 500, path: '/bye' })
      await deaf.start('floodDeaf', { amount: 20, path: '/full', size: 10 })
      await expect.poll(async () => (await victim.stats()).connections, { timeout: 8000 }).toBe(1)
      await expect.poll(() => victim.files()).toBe(files)
      const { closed, closedByCode } = await victim.stats()
      // To those who never read there is nothing that a close frame could be sent behind.
      expect({ closed, closedByCode }).toEqual({ closed: 520, closedByCode: { 4000: 500, 1006: 20 } })
      expectCalm({ quiet, loud: await p99(client) })
    },
  )

  test('who never reads a broadcast is gone, and the others get all of it', MEASURED, async () => {
    const victim = await Victim.start(runtime, { limits: { maxBackpressure: MIB } })
    const attacker = await Attacker.start(victim.port)
    const [client, other] = [await victim.connect('/room'), await victim.connect()]
    const quiet = await p99(other)
    await attacker.start('deaf', { amount: 100, path: '/room' })
    const [before, data] = [await victim.memory(), 'x'.repeat(64 * 1024)]
    await victim.highest()
    const receive = async (): Promise<void> => {
      for (let i = 0; i < 300; i++) expect(await client.next()).toHaveLength(data.length)
    }
    const received = receive()
    for (let i = 0; i < 300; i++) await victim.ask('publish', { pattern: '/room', data })
    await within(received, 'not all of the broadcasts')
    // What was sent past the limit of each is let go before the others have theirs.
    expect(await victim.highest()).toBeLessThan(before + 100 * 4 * MIB)
    expect(await victim.memory()).toBeLessThan(before + 100 * MIB)
    const { connections, terminatedForBackpressure } = await victim.stats()
    expect([connections, terminatedForBackpressure]).toEqual([2, 100])
    expect(await victim.errors()).toEqual({ ERR_BACKPRESSURE: 100 })
    expectCalm({ quiet, loud: await p99(other) })
  })
})

async function expectTlsCutOff(runtime: RuntimeName): Promise<void> {
  const { capabilities } = await loadRuntime(runtime)
  const handshakeTimeout = capabilities.handshakeTimeout ? 500 : 10_000
  const victim = await Victim.start(runtime, { tls: tlsFiles(), handshakeTimeout })
  const clients = Array.from({ length: 20 }, () => new RawClient(victim.port))
  // The first bytes of a ClientHello, for some.
  for (const { tcp } of clients.slice(10)) tcp.write(Buffer.from([22, 3, 1]))
  await Promise.all(clients.map(({ ended }) => ended))
  if (capabilities.handshakeTimeout)
    await expect
      .poll(async () => (await victim.stats()).refusedBy, { timeout: 5000 })
      .toEqual({ handshakeTimeout: 20 })
  expect(await victim.log()).toEqual([])
}
