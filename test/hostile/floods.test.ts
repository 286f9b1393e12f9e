import { afterEach, describe, expect, test } from 'vitest'
import type { Stats } from '../../src/index.ts'
import { assertPlatform, NETWORK_RUNTIMES } from '../contract/runtimes.ts'
import {
  Attacker,
  compare,
  endAll,
  expectCalm,
  MEASURED,
  MIB,
  p99,
  Victim,
  type VictimOptions,
} from './rig.ts'

assertPlatform()
afterEach(endAll)

interface Attack {
  readonly name: string
  readonly attack: string
  readonly args: object
  readonly options: VictimOptions
  /** What it has to have left in the counters; the attacker's own are by HTTP status. */
  check(stats: Stats, counted: Record<string, number>, errors: Record<string, number>): Promise<void> | void
}

const MOST_MEMORY = 128 * MIB

const ATTACKS: readonly Attack[] = [
  {
    name: 'messages as fast as they are taken, again and again: maxMessagesPerSecond',
    attack: 'flood',
    args: { amount: 4, path: '/echo', reconnect: true },
    options: { limits: { maxMessagesPerSecond: 100 } },
    check({ closedForMessageRate, closedByCode, opened }, _counted, errors) {
      // Whoever came was closed for it, but for those who were still at it when the attacker gave up.
      expect(closedForMessageRate).toBeGreaterThanOrEqual(10)
      expect(closedForMessageRate).toBeGreaterThanOrEqual(opened - 1 - 5 * 4)
      expect(closedByCode[1008]).toBeGreaterThan(0)
      expect(errors).toEqual({ ERR_MESSAGE_RATE: closedForMessageRate })
    },
  },
  {
    name: 'messages for a handler that never gets on: maxQueue',
    attack: 'flood',
    args: { amount: 4, path: '/stuck', reconnect: true },
    options: { limits: { maxQueue: 100_000 } },
    check({ closedForQueue, opened }, _counted, errors) {
      expect(closedForQueue).toBeGreaterThanOrEqual(5)
      expect(closedForQueue).toBeGreaterThanOrEqual(opened - 1 - 5 * 4)
      expect(errors).toEqual({ ERR_QUEUE: closedForQueue })
    },
  },
  {
    name: 'messages whose answers are not read: maxBackpressure',
    attack: 'floodDeaf',
    args: { amount: 4, path: '/echo', size: 32 * 1024 },
    options: { limits: { maxBackpressure: MIB } },
    check({ terminatedForBackpressure, closedByCode }, _counted, errors) {
      expect(terminatedForBackpressure).toBeGreaterThanOrEqual(5)
      expect(closedByCode[1006]).toBeGreaterThanOrEqual(terminatedForBackpressure)
      expect(errors).toEqual({ ERR_BACKPRESSURE: terminatedForBackpressure })
    },
  },
  {
    name: 'connections: maxConnections',
    attack: 'knock',
    args: { amount: 10, path: '/echo' },
    options: { maxConnections: 6 },
    check({ refused, refusedBy, opened }, counted) {
      expect(refused).toBeGreaterThan(100)
      expect(refusedBy).toEqual({ maxConnections: refused })
      // Some answers were not read any more.
      expect(refused).toBeGreaterThanOrEqual(counted[503]!)
      expect(opened - 1).toBeGreaterThanOrEqual(counted[101]!)
    },
  },
  {
    name: 'connections: maxConnectionsPerAddress',
    attack: 'knock',
    args: { amount: 10, path: '/echo' },
    options: { maxConnectionsPerAddress: 6 },
    check({ refused, refusedBy }, counted) {
      expect(refused).toBeGreaterThan(100)
      expect(refusedBy).toEqual({ maxConnectionsPerAddress: refused })
      expect(refused).toBeGreaterThanOrEqual(counted[429]!)
    },
  },
]

describe.each(NETWORK_RUNTIMES)('floods on %s', (runtime) => {
  for (const { name, attack, args, options, check } of ATTACKS)
    test(name, MEASURED, async () => {
      const victim = await Victim.start(runtime, options)
      const attacker = await Attacker.start(victim.port)
      const client = await victim.connect()
      const before = await victim.memory()
      await victim.highest()
      const times = await compare(client, attacker, attack, args)
      const highest = await victim.highest()
      await expect.poll(async () => (await victim.stats()).connections).toBe(1)
      await check(await victim.stats(), await attacker.count(), await victim.errors())
      expect(highest - before).toBeLessThan(MOST_MEMORY)
      expectCalm(times)
    })

  test('messages without any limit: nobody is starved', MEASURED, async () => {
    const victim = await Victim.start(runtime)
    // More than the server can take.
    const attacker = await Attacker.start(victim.port, 0)
    const client = await victim.connect()
    await p99(client)
    await attacker.start('flood', { amount: 4, path: '/echo' })
    // A turn of the event loop for each of them, and never a second.
    expect(await p99(client, 1000)).toBeLessThan(300)
    expect((await victim.stats()).messagesIn).toBeGreaterThan(10_000)
  })

  test('more than the event loop can do: maxEventLoopLag lets nobody else in, until it is over', async () => {
    const victim = await Victim.start(runtime, { maxEventLoopLag: 50 })
    const attacker = await Attacker.start(victim.port)
    const client = await victim.connect()
    await attacker.start('lag', { amount: 4, path: '/busy' })
    await expect.poll(() => victim.connect().then(() => 101, String)).toMatch(/503/)
    client.send('x')
    expect(await client.next()).toBe('x')
    await attacker.end()
    await expect
      .poll(() =>
        victim.connect().then(
          () => 101,
          () => 503,
        ),
      )
      .toBe(101)
    const { refused, refusedBy } = await victim.stats()
    expect(refused).toBeGreaterThan(0)
    expect(refusedBy).toEqual({ maxEventLoopLag: refused })
  })
})
