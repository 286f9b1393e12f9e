import { describe, expect, test, type TestContext } from 'vitest'
import type { Broker } from '../../src/engine/broker.ts'
import { BrokerNode } from './broker-node.ts'

/** A broker's server in the hands of a test. */
export interface BrokerLab {
  /** One more node's way to it. */
  create(): Broker | Promise<Broker>
  close(): Promise<void>
}

/** One that can be away. */
export interface OutageLab extends BrokerLab {
  kill(): Promise<void>
  start(): Promise<void>
  freeze(): void
  thaw(): void
}

interface Subject<Lab> {
  readonly name: string
  /** @param isAbsent - it is to be started later */
  start(isAbsent?: boolean): Promise<Lab>
}

const MIB = 1024 * 1024
const MOST_WAITING = 16 * MIB

/** What every broker promises. */
export function brokerContract({ name, start }: Subject<BrokerLab>): void {
  describe.concurrent(name, () => {
    test('all that is published arrives, byte by byte, in the order of its sender', async ({
      onTestFinished,
    }) => {
      const lab = await labOf(onTestFinished, start)
      const [a, b, c] = await nodes(onTestFinished, lab, 3)
      const large = Buffer.alloc(MIB - 1024, 'large')
      const odd = [Buffer.alloc(0), Buffer.from(Array.from({ length: 256 }, (_, byte) => byte)), large]
      const sent = (from: string): Buffer[] => [
        ...Array.from({ length: 500 }, (_, index) => Buffer.from(`${from} ${index}`)),
        ...odd.map((frame) => Buffer.concat([Buffer.from(`${from} `), frame])),
        ...Array.from({ length: 100 }, (_, index) => Buffer.from(`${from} ${index} again`)),
      ]
      const [ofA, ofB] = [sent('a'), sent('b')]
      for (const [index, frame] of ofA.entries()) {
        expect(a!.broker.publish(frame) && b!.broker.publish(ofB[index]!)).toBe(true)
        if (index % 7 === 0) await nextTurn()
      }
      // Whether its own come back to a sender is left open.
      const by = (node: BrokerNode, from: string): Buffer[] =>
        node.frames.filter((frame) => frame.toString('latin1', 0, 2) === `${from} `)
      for (const [node, from, frames] of [
        [b!, 'a', ofA],
        [c!, 'a', ofA],
        [a!, 'b', ofB],
        [c!, 'b', ofB],
      ] as const) {
        await node.until(() => by(node, from).length === frames.length, `complete from ${from}`)
        expect(Buffer.concat(by(node, from)).equals(Buffer.concat(frames))).toBe(true)
      }
      expect([a, b, c].map((node) => node!.states)).toEqual([['up'], ['up'], ['up']])
    })

    test('a frame of no bytes is one', async ({ onTestFinished }) => {
      const [a, b] = await nodes(onTestFinished, await labOf(onTestFinished, start), 2)
      a!.broker.publish(new Uint8Array(0))
      a!.say('next')
      await b!.heard('next')
      expect(b!.texts).toEqual(['', 'next'])
    })

    test('what was published goes out before it closes; after that nothing is taken and nothing heard', async ({
      onTestFinished,
    }) => {
      const lab = await labOf(onTestFinished, start)
      const [a, b] = await nodes(onTestFinished, lab, 2)
      for (let index = 0; index < 1000; index++) a!.say(`${index}`)
      await Promise.all([a!.broker.close(), a!.broker.close()])
      await a!.broker.close()
      await b!.heard('999')
      expect(b!.frames.length).toBe(1000)
      expect([a!.say('after'), a!.states]).toEqual([false, ['up']])
      const heard = a!.frames.length
      b!.say('after')
      await b!.broker.close()

      // And it opens again.
      await Promise.all([a!.broker.open(a!), b!.broker.open(b!)])
      expect(a!.frames.length).toBe(heard)
      b!.say('once more')
      await a!.heard('once more')
    })

    test('before it is opened, it takes nothing', async ({ onTestFinished }) => {
      const lab = await labOf(onTestFinished, start)
      const broker = await lab.create()
      expect(broker.publish(Buffer.from('early'))).toBe(false)
      await broker.close()
    })
  })
}

/** What is promised of brokers that can be away. */
export function outageContract({ name, start }: Subject<OutageLab>): void {
  describe.concurrent(`${name}, away`, () => {
    test('one that is not there yet is waited for: open resolves, and it comes up later', async ({
      onTestFinished,
    }) => {
      const lab = await labOf(onTestFinished, () => start(true))
      const before = performance.now()
      const [a, b] = await nodes(onTestFinished, lab, 2)
      expect(performance.now() - before).toBeGreaterThan(1900)
      expect([a!.states, a!.say('lost')]).toEqual([['down'], false])
      await lab.start()
      await Promise.all([a!.was('down', 'up'), b!.was('down', 'up')])
      a!.say('hello')
      await b!.heard('hello')
    })

    test('one that is killed and started again is down, then up; meanwhile nothing is taken', async ({
      onTestFinished,
    }) => {
      const lab = await labOf(onTestFinished, start)
      const [a, b] = await nodes(onTestFinished, lab, 2)
      for (const round of ['first', 'second']) {
        await lab.kill()
        const so = round === 'first' ? ['up', 'down'] : ['up', 'down', 'up', 'down']
        await Promise.all([a!.was(...so), b!.was(...so)])
        expect([a!.say('lost'), a!.say('lost')]).toEqual([false, false])
        await lab.start()
        await Promise.all([a!.was(...so, 'up'), b!.was(...so, 'up')])
        a!.say(round)
        await b!.heard(round)
      }
      expect(b!.texts).toEqual(['first', 'second'])
      expect(a!.states).toEqual(['up', 'down', 'up', 'down', 'up'])
    })

    test('one that is stuck takes 16 MiB, is down after 3 s, and up when it goes on', async ({
      onTestFinished,
    }) => {
      const lab = await labOf(onTestFinished, start)
      const [a, b] = await nodes(onTestFinished, lab, 2)
      const frame = Buffer.alloc(256 * 1024, 'x')
      lab.freeze()
      const before = performance.now()
      let taken = 0
      while (taken < 8 * MOST_WAITING && a!.broker.publish(frame)) {
        taken += frame.length
        await nextTurn()
      }
      expect(taken).toBeGreaterThanOrEqual(MOST_WAITING)
      // The system takes some megabytes of its own.
      expect(taken).toBeLessThan(2 * MOST_WAITING)
      await Promise.all([a!.was('up', 'down'), b!.was('up', 'down')])
      expect(performance.now() - before).toBeGreaterThan(2900)
      expect(a!.downs[0]?.message).toContain('has not answered for 3 s')
      lab.thaw()
      await Promise.all([a!.was('up', 'down', 'up'), b!.was('up', 'down', 'up')])
      a!.say('on')
      await b!.heard('on')
    })

    test('closing does not wait for one that is stuck, nor for one that is away', async ({
      onTestFinished,
    }) => {
      const lab = await labOf(onTestFinished, start)
      const [a, b] = await nodes(onTestFinished, lab, 2)
      lab.freeze()
      const before = performance.now()
      await a!.broker.close()
      await lab.kill()
      await b!.was('up', 'down')
      await b!.broker.close()
      expect(performance.now() - before).toBeLessThan(2500)
      expect([a!.states, b!.states]).toEqual([['up'], ['up', 'down']])
    })
  })
}

/** Tests that run side by side have one each. */
type OnTestFinished = TestContext['onTestFinished']

async function labOf<Lab extends BrokerLab>(
  onTestFinished: OnTestFinished,
  start: () => Promise<Lab>,
): Promise<Lab> {
  const lab = await start()
  onTestFinished(() => lab.close())
  return lab
}

/** Opened at the same time; they end with the test. */
async function nodes(onTestFinished: OnTestFinished, lab: BrokerLab, count: number): Promise<BrokerNode[]> {
  const brokers = await Promise.all(Array.from({ length: count }, async () => lab.create()))
  onTestFinished(async () => void (await Promise.all(brokers.map((broker) => broker.close()))))
  return Promise.all(brokers.map((broker) => BrokerNode.open(broker)))
}

function nextTurn(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve))
}
