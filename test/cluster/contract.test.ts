import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest'
import { SECTIONS } from '../contract/cases.ts'
import { Contract, type Case } from '../contract/harness.ts'
import { assertPlatform, loadRuntime, NETWORK_RUNTIMES } from '../contract/runtimes.ts'
import { MemoryExchange } from '../support/memory-broker.ts'
import { NatsServer } from '../support/nats-server.ts'
import { RedisServer } from '../support/redis-server.ts'
import { serveOnTwo } from './pair.ts'

// What is promised of the connections of one process, with client A on node 1 and client B on node 2.

assertPlatform()

/** Where clients hear each other; all else is between one client and its node. */
const SHARED = ['5 rooms and broadcasts', '3 connection and order']
const sections = Object.entries(SECTIONS).filter(
  ([name]) => process.env['SIDEWIRE_CONTRACT'] === 'all' || SHARED.includes(name),
)

const [RUNTIME] = NETWORK_RUNTIMES
const runtime = await loadRuntime(RUNTIME!)

describe.each(['memory', 'Redis', 'NATS'] as const)(`two nodes on ${RUNTIME}, over %s`, (kind) => {
  let server: RedisServer | NatsServer | undefined
  let contract: Contract | undefined
  beforeAll(async () => {
    if (kind !== 'memory') server = await (kind === 'Redis' ? RedisServer : NatsServer).start()
  })
  afterEach(async () => {
    await contract?.end()
    contract = undefined
  })
  afterAll(() => server?.close())

  /** A pair of its own for each case: what an earlier one has said late is none of its business. */
  let pairs = 0
  const start: ConstructorParameters<typeof Contract>[1] = (options) => {
    const exchange = new MemoryExchange()
    const broker = { url: server?.url ?? '', prefix: `pair-${pairs++}` }
    const brokers = server ? ([broker, broker] as const) : ([exchange.broker(), exchange.broker()] as const)
    return serveOnTwo(runtime, brokers, options)
  }

  for (const [section, cases] of sections) {
    const planned = cases.filter(
      ({ standalone, oneProcess, when }) =>
        standalone === undefined && oneProcess === undefined && when?.(runtime.capabilities) !== false,
    )
    test(`${section}: there are cases`, () => expect(planned.length).toBeGreaterThan(5))
    describe(section, () => {
      for (const { name, run } of planned satisfies readonly Case[]) {
        test(name, async () => {
          contract = new Contract(runtime, start)
          await run(contract)
        })
      }
    })
  }
})
