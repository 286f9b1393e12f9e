// What is measured, and which figures are divided by which.
import { CONTESTANTS, VITE_CONTESTANTS } from './contestants.mjs'

const ENGINES = ['engine-uws', 'engine-bun', 'engine-ws']
const ALL = Object.keys(CONTESTANTS)
const onPath = (path, names) => names.map((name) => ({ key: name, ...CONTESTANTS[name], path }))
const echo = { scenario: 'echo', connections: 20 }
/** A broadcast to 1,000 takes `ws` 10 ms: 16 of them under way would come in bursts longer than what is measured. */
const toThousand = { scenario: 'fanout', connections: 1000, window: 4 }

/**
 * A contestant in a scenario is an entry: `key` is its name, with `:room` behind it where it is in the scenario twice.
 * `load` is what the generator does, in the words of `sidewire bench`; a window is how many messages are under way.
 */
export const SCENARIOS = [
  {
    name: 'echo-1',
    title: 'Echo',
    detail: '20 connections, window 1',
    load: { ...echo, window: 1 },
    entries: onPath('/api/echo', ALL),
  },
  {
    name: 'echo-16',
    title: 'Echo',
    detail: '20 connections, window 16',
    load: { ...echo, window: 16 },
    entries: onPath('/api/echo', ALL),
  },
  {
    name: 'schema-16',
    title: 'Echo, checked by a schema of zod',
    detail: '20 connections, window 16',
    load: { ...echo, window: 16 },
    entries: ENGINES.flatMap((name) => [
      ...onPath('/api/echo', [name]),
      ...['schema', 'schemas'].map((path) => ({
        ...CONTESTANTS[name],
        key: `${name}:${path}`,
        title: `${CONTESTANTS[name].title}, ${path === 'schema' ? 'incoming' : 'both directions'}`,
        path: `/api/${path}`,
        control: name,
      })),
    ]),
  },
  {
    name: 'fanout-100',
    title: 'Fan-out to 100',
    detail: 'window 16',
    load: { scenario: 'fanout', connections: 100, window: 16 },
    entries: onPath('/api/fanout', ALL),
  },
  {
    name: 'fanout-1000-1',
    title: 'Fan-out to 1,000',
    detail: 'window 1',
    load: { ...toThousand, window: 1 },
    entries: onPath('/api/fanout', ALL),
  },
  {
    name: 'fanout-1000-4',
    title: 'Fan-out to 1,000',
    detail: 'window 4',
    load: toThousand,
    entries: onPath('/api/fanout', ALL),
  },
  {
    name: 'union-1000',
    title: 'Union of two rooms',
    detail: '1,000 connections, window 4',
    load: toThousand,
    entries: [
      ...onPath('/api/union', ALL),
      ...onPath('/api/room', ['engine-uws', 'engine-bun', 'engine-ws', 'uws', 'bun']).map((entry) => ({
        ...entry,
        key: `${entry.key}:room`,
        title: `${entry.title}, one room`,
        control: entry.control && `${entry.control}:room`,
      })),
    ],
  },
  {
    name: 'compressed-100',
    title: 'Fan-out to 100, compressed',
    detail: '1.5 KB, window 4',
    load: { scenario: 'fanout', connections: 100, window: 4, size: 1536, compress: true },
    entries: onPath('/api/compressed', ALL),
  },
  {
    name: 'connect',
    title: 'Handshakes',
    detail: '50 at a time',
    load: { scenario: 'connect', connections: 50 },
    entries: onPath('/api/idle', ALL),
  },
  {
    name: 'idle-10000',
    title: 'Idle memory',
    detail: '10,000 connections',
    load: { scenario: 'idle', connections: 10_000 },
    entries: onPath('/api/idle', ALL),
  },
  viteScenario('vite-1', 'Echo in a Vite project', '1 connection, window 1', { connections: 1, window: 1 }),
  viteScenario('vite-16', 'Echo in a Vite project', '20 connections, window 16', { window: 16 }),
]

function viteScenario(name, title, detail, load) {
  const entries = Object.entries(VITE_CONTESTANTS)
  return {
    name,
    title,
    detail,
    load: { ...echo, ...load },
    entries: entries.map(([key, contestant]) => ({ key, ...contestant, path: '/api/echo' })),
  }
}

/** What is divided by what besides: `[scenario, of, by]`. */
const MORE_RATIOS = [
  ...['engine-uws', 'engine-bun', 'engine-ws'].map((name) => ['union-1000', name, `${name}:room`]),
  ['vite-1', 'vite-tunnel', 'vite-sidecar'],
  ['vite-1', 'vite-tunnel', 'vite-ws'],
  ['vite-16', 'vite-tunnel', 'vite-sidecar'],
  ['vite-16', 'vite-tunnel', 'vite-ws'],
]

/** Everything also by `ws`, which is what people have; and the engine by the reference's way, which they come from. */
const BASELINE = 'ws'

/** `[of, by]` of a scenario. */
export function ratiosOf({ name, entries }) {
  const keys = entries.map(({ key }) => key)
  const pairs = [
    ...entries.map(({ key, control }) => [key, control]),
    ...keys.filter((key) => key in CONTESTANTS).map((key) => [key, BASELINE]),
    ['engine-uws', 'reference'],
    ...MORE_RATIOS.flatMap(([scenario, ...pair]) => (scenario === name ? [pair] : [])),
  ].filter(([of, by]) => of !== by && keys.includes(of) && keys.includes(by))
  return [...new Map(pairs.map((pair) => [pair.join('/'), pair])).values()]
}

/**
 * The targets that the engine is held to. A ratio is at least `atLeast`; `moreBytes` is how many more a connection may
 * hold than one of the other.
 */
export const TARGETS = [
  ...['echo-1', 'echo-16'].flatMap((scenario) => besideControl(scenario, 0.92)),
  ...['fanout-100', 'fanout-1000-1', 'fanout-1000-4'].flatMap((scenario) => besideControl(scenario, 0.97)),
  { scenario: 'union-1000', of: 'engine-uws:room', by: 'uws:room', atLeast: 0.97 },
  { scenario: 'union-1000', of: 'engine-bun:room', by: 'bun:room', atLeast: 0.97 },
  { scenario: 'union-1000', of: 'engine-uws', by: 'engine-uws:room', atLeast: 0.85 },
  { scenario: 'union-1000', of: 'engine-bun', by: 'engine-bun:room', atLeast: 0.85 },
  { scenario: 'fanout-1000-4', of: 'engine-uws', by: 'ws', atLeast: 4 },
  { scenario: 'fanout-1000-4', of: 'engine-uws', by: 'reference', atLeast: 5 },
  ...besideControl('connect', 0.8),
  { scenario: 'idle-10000', of: 'engine-uws', by: 'uws', moreBytes: 1536 },
]

function besideControl(scenario, atLeast) {
  return [
    { scenario, of: 'engine-uws', by: 'uws', atLeast },
    { scenario, of: 'engine-bun', by: 'bun', atLeast },
  ]
}
