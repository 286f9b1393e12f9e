import { describe, expect, test } from 'vitest'
import { nearestHandler as nearestOf, noHandler } from '../../src/engine/handshake/nearest-handler.ts'

const PATTERNS = [
  '/ws/chat',
  'ws/room/{room}',
  '/ws/orders/{id:[0-9]{2,}}/live',
  '/feed/**',
  '/{tenant}/events',
]
const ALL = ['/api', '/v2']

function nearestHandler(
  path: string,
  prefixes: readonly string[],
  patterns: readonly string[],
): string | undefined {
  return nearestOf(
    path,
    patterns.map((pattern) => ({ pattern, prefixes })),
  )
}

describe('the nearest handler', () => {
  const cases: readonly [string, string | undefined][] = [
    // Outside of every prefix.
    ['//api/ws/chat', '/api/ws/chat'],
    ['/ws/chat', '/api/ws/chat'],
    ['/v1/ws/chat', '/v2/ws/chat'],
    ['/socket/ws/chat', '/api/ws/chat'],
    ['/API/WS/Chat', '/api/ws/chat'],
    ['/apiws/chat', '/api/ws/chat'],
    ['/ws/room/lobby', '/api/ws/room/{room}'],
    // Misspelled.
    ['/api/ws/caht', '/api/ws/chat'],
    ['/v2/ws/chat/', '/v2/ws/chat'],
    ['/api/ws/rooms/a%20b', '/api/ws/room/{room}'],
    ['/api/ws/order/17/live', '/api/ws/orders/{id:[0-9]{2,}}/live'],
    ['/api/fed/a/b/c', '/api/feed/**'],
    ['/api/acme/event', '/api/{tenant}/events'],
    // The text of a pattern counts, not what its wildcards would take.
    ['/somewhere/else', undefined],
    ['/api/health', undefined],
    ['/', undefined],
    ['%zz', undefined],
    [`/api/ws/chat${'/x'.repeat(200)}`, undefined],
  ]
  for (const [path, nearest] of cases) {
    test(`of ${path.slice(0, 40)} is ${nearest ?? 'none'}`, () => {
      expect(nearestHandler(path, ALL, PATTERNS)).toBe(nearest)
    })
  }

  test('a prefix that is none of ours, where we have none', () => {
    expect(nearestHandler('/api/ws/chat', [''], ['/ws/chat'])).toBe('/ws/chat')
    expect(nearestHandler('/ws/chat', [''], [])).toBeUndefined()
  })

  test('outside of the prefixes is named as it stands', () => {
    const handlers = [
      { pattern: '/ws/chat', prefixes: ALL },
      { pattern: '/socket.io/', prefixes: [''] },
    ]
    for (const path of ['/socket.io', '/api/socket.io/', '/sockt.io/', '/socketio/'])
      expect([path, nearestOf(path, handlers)]).toEqual([path, '/socket.io/'])
    expect(nearestOf('/api/ws/chta', handlers)).toBe('/api/ws/chat')
  })

  test('costs little, whatever a client sends', () => {
    const many = Array.from({ length: 1000 }, (_, n) => `/ws/topic-${n}/{a}/{b}/{c}`)
    // Of the processor: what else runs here takes its share of the time.
    const before = process.cpuUsage()
    for (let i = 0; i < 20; i++)
      nearestHandler(`/api/ws/topic-${'/'.repeat(i)}${'a/'.repeat(110)}`, ALL, many)
    // Some 2 ms each.
    const { user, system } = process.cpuUsage(before)
    expect((user + system) / 1000 / 20).toBeLessThan(100)
  })

  test('is a part of what the client is told', () => {
    expect(noHandler('/api/ws')).toBe('No WebSocket handler matches this path; did you mean /api/ws?')
    expect(noHandler(undefined)).toBe('No WebSocket handler matches this path')
  })
})
