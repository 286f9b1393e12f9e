import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterEach, describe, expect, test } from 'vitest'
import type { BrokerStats } from '../../src/index.ts'
import { brokerSamples } from '../../src/metrics/broker.ts'
import { BUCKETS, Histogram } from '../../src/metrics/histogram.ts'
import { merge, remainsOf } from '../../src/metrics/merge.ts'
import type { Sample } from '../../src/metrics/sample.ts'
import { toText } from '../../src/metrics/text.ts'
import { workerSamples } from '../../src/metrics/workers.ts'
import { SAMPLES, type Answering } from '../../src/server/behind.ts'
import type { Server, ServerOptions } from '../../src/index.ts'
import { ROOT } from '../cli/cli.ts'
import { Rig } from '../engine/rig.ts'
import { parse, promtool, sumOf } from './scrape.ts'

const counter = (value: number, labels?: Record<string, string>): Sample => ({
  name: 'a_total',
  help: 'How many.',
  type: 'counter',
  labels,
  value,
})
const gauge = (value: number, across?: 'max' | 'min'): Sample => ({
  name: 'b_bytes',
  help: 'How much.',
  type: 'gauge',
  value,
  ...(across && { across }),
})
const histogram = (...seconds: number[]): Sample => {
  const times = new Histogram()
  for (const each of seconds) times.observe(each)
  return { name: 'c_seconds', help: 'How long.', type: 'histogram', labels: { hook: 'x' }, ...times.state }
}
const BROKER: BrokerStats = {
  state: 'up',
  nodes: 3,
  sent: 1,
  received: 2,
  unserved: 0,
  refused: 3,
  resent: 4,
  recovered: 5,
  lost: 6,
}

describe('the text', () => {
  test('has one HELP and one TYPE for each name, whatever the order, and escapes', () => {
    const odd = { handler: '/"a\\b\nc' }
    const samples = [counter(1, { x: '1' }), gauge(NaN), counter(2, odd), gauge(-Infinity)]
    const help = { ...counter(0), name: 'd_total', help: 'a\\b\nc' }
    expect(toText([...samples, help])).toBe(`# HELP a_total How many.
# TYPE a_total counter
a_total{x="1"} 1
a_total{handler="/\\"a\\\\b\\nc"} 2
# HELP b_bytes How much.
# TYPE b_bytes gauge
b_bytes NaN
b_bytes -Inf
# HELP d_total a\\\\b\\nc
# TYPE d_total counter
d_total 0
`)
  })

  test('has cumulative buckets, to +Inf', () => {
    const text = toText([histogram(0.0001, 0.00011, 3, 11, 12)])
    const lines = parse(text)
    expect(promtool(text)).toBe('')
    const buckets = lines.filter(({ name }) => name === 'c_seconds_bucket')
    expect(buckets.map(({ labels }) => labels['le'])).toEqual([...BUCKETS.map(String), '+Inf'])
    expect(buckets.map(({ value }) => value)).toEqual([
      1,
      ...BUCKETS.slice(1).map((le) => (le < 5 ? 2 : 3)),
      5,
    ])
    expect(sumOf(lines, 'c_seconds_count')).toBe(5)
    expect(sumOf(lines, 'c_seconds_sum')).toBeCloseTo(26.00021)
  })

  test('of the broker and of workers, which promtool takes', () => {
    const text = toText([
      ...brokerSamples(BROKER),
      ...workerSamples([
        { worker: 1, isUp: true, connections: 7 },
        { worker: 2, isUp: false, connections: 0 },
      ]),
    ])
    expect(promtool(text)).toBe('')
    const lines = parse(text)
    const of = (name: string): number => sumOf(lines, `sidewire_${name}`)
    const { state: _, ...numbers } = BROKER
    expect({
      nodes: of('nodes'),
      ...Object.fromEntries(
        Object.keys(numbers)
          .filter((name) => name !== 'nodes')
          .map((name) => [name, of(`broker_frames_${name}_total`)]),
      ),
    }).toEqual(numbers)
    expect(of('broker_up')).toBe(1)
    expect(sumOf(lines, 'sidewire_worker_connections', { worker: '1' })).toBe(7)
    expect(sumOf(lines, 'sidewire_worker_up', { worker: '2' })).toBe(0)
    expect(brokerSamples({ ...BROKER, state: 'off' })).toEqual([])
    expect(brokerSamples(undefined)).toEqual([])
  })
})

describe('what several processes have', () => {
  test('is added up, by name and labels, whatever the order of these', () => {
    const [one, other] = [
      [counter(1, { x: '1', y: '2' }), gauge(5), histogram(1, 20)],
      [histogram(1), gauge(7), counter(3, { y: '2', x: '1' }), counter(9, { x: '2', y: '2' })],
    ]
    const merged = merge([one, other])
    expect(merged).toEqual([
      counter(4, { x: '1', y: '2' }),
      gauge(12),
      histogram(1, 20, 1),
      counter(9, { x: '2', y: '2' }),
    ])
    expect(promtool(toText(merged))).toBe('')
    // It has come from another process as JSON.
    expect(merge(JSON.parse(JSON.stringify([one, other])))).toEqual(merged)
    expect(merge([])).toEqual([])
  })

  test('is the largest or the smallest where a sum would mean nothing', () => {
    expect(merge([[gauge(5, 'max')], [gauge(7, 'max')]])).toEqual([gauge(7, 'max')])
    expect(merge([[gauge(5, 'min')], [gauge(7, 'min')]])).toEqual([gauge(5, 'min')])
    const up = (...states: BrokerStats['state'][]): number =>
      sumOf(
        parse(toText(merge(states.map((state) => brokerSamples({ ...BROKER, state }))))),
        'sidewire_broker_up',
      )
    expect([up('up', 'up'), up('up', 'down'), up('connecting')]).toEqual([1, 0, 0])
  })

  test('does not fall when one of them ends: its counters stay, its gauges go', () => {
    const processes = [
      [counter(10), gauge(100), histogram(1)],
      [counter(20), gauge(200), histogram(2)],
    ]
    const [dead = [], alive = []] = processes
    expect(remainsOf(dead)).toEqual([counter(10), histogram(1)])
    // The next one in its place starts at nothing.
    const after = merge([remainsOf(dead), alive, [counter(0), gauge(1)]])
    expect(after).toEqual([counter(30), histogram(1, 2), gauge(201)])
    // And if that ends, too.
    expect(merge([remainsOf(merge([remainsOf(dead), [counter(5)]])), alive])).toContainEqual(counter(35))
  })
})

test('docs/guide/metrics.md has each name with its type and labels, and no others', async () => {
  const page = readFileSync(join(ROOT, 'docs/guide/metrics.md'), 'utf8')
  const documented = [...page.matchAll(/^\| `(\w+_\w+)` +\| (\w+) +\| (?:`([\w, ]+)`)? *\|/gm)].map(
    ([, name, type, labels = '']) => `${name} ${type} ${labels}`,
  )
  const rig = await Rig.start({ pattern: '/a', onMessage: () => {} }, { metrics: { hooks: true } })
  ;(await rig.connect('/a')).socket.receive('hi')
  const samples = [
    ...(await (rig.server as Server & Answering)[SAMPLES]()),
    ...brokerSamples(BROKER),
    ...workerSamples([{ worker: 1, isUp: true, connections: 0 }]),
  ]
  await rig.server.close()
  const told = new Set(
    samples.map(({ name, type, labels = {} }) => `${name} ${type} ${Object.keys(labels).join(', ')}`),
  )
  expect(documented.toSorted()).toEqual([...told].toSorted())
})

describe('the engine behind it', () => {
  const rigs: Rig[] = []
  afterEach(() => Promise.all(rigs.splice(0).map(({ server }) => server.close())))
  async function start(options: ServerOptions): Promise<{ rig: Rig; text: () => Promise<string> }> {
    const rig = await Rig.start(options.wsHandlers as never, options)
    rigs.push(rig)
    return { rig, text: async () => toText(await (rig.server as Server & Answering)[SAMPLES]()) }
  }

  test('patterns with quotes, backslashes and line breaks stand as they are', async () => {
    const pattern = '/"a\\b\nc'
    const { text } = await start({ metrics: true, wsHandlers: [{ pattern }] })
    expect(promtool(await text())).toBe('')
    expect(sumOf(parse(await text()), 'sidewire_connections', { handler: pattern })).toBe(0)
  })

  test('10,000 clients with paths, queries, origins and close codes of their own make no series', async () => {
    const { rig, text } = await start({
      metrics: { hooks: true },
      allowedOrigins: true,
      wsHandlers: [
        {
          pattern: '/ws/{user}/**',
          onConnect: (conn) => {
            conn.joinRoom(conn.path)
            if (conn.path.length % 2 === 0) conn.close(4000)
          },
          onMessage: () => {},
        },
      ],
    })
    const series = async (): Promise<string[]> => parse(await text()).map((line) => line.series)
    const meet = async (n: number): Promise<void> => {
      const headers = { Origin: `https://${n}.example`, 'User-Agent': `${n}` }
      const { socket } = await rig.connect(`/ws/${n}/x?${n}`, { headers })
      socket.receive(`message ${n}`)
      socket.receiveClose(3000 + ((n * 97) % 2000), '')
      if (n % 100 === 0) await rig.handshake(`/${n}`)
    }
    for (let n = 0; n < 200; n++) await meet(n)
    const before = await series()
    for (let n = 200; n < 10_000; n++) await meet(n)
    expect(await series()).toEqual(before)
    expect(sumOf(parse(await text()), 'sidewire_connections_opened_total')).toBe(10_000)
  })

  test('without the option there is nothing that listens', async () => {
    const { rig } = await start({ wsHandlers: [{ pattern: '/a' }] })
    expect(await (rig.server as Server & Answering)[SAMPLES]()).toEqual([])
  })
})
