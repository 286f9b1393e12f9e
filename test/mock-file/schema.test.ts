import { spawnSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { Ajv } from 'ajv'
import { describe, expect, test } from 'vitest'
import { parse } from 'yaml'

// What an editor says of a mock file while it is written.

const text = readFileSync('mock.schema.json', 'utf8')
const validate = new Ajv({ strict: false, allErrors: true }).compile(JSON.parse(text) as object)

const HEAD = 'pattern: /a\nscenario:\n'

describe('mock.schema.json', () => {
  test('is what the types of the form say', () => {
    const { status, stderr } = spawnSync(process.execPath, ['scripts/mock-schema.mjs', '--check'], {
      encoding: 'utf8',
    })
    expect([status, stderr]).toEqual([0, ''])
  })

  test.each([
    'pattern: /a',
    '$schema: x\npattern: /a',
    '- pattern: /a\n- pattern: /b',
    'handlers: [{ pattern: /a, heartbeat: false, compression: { threshold: 10 }, scope: path }]',
    'pattern: /a\nfaults: { latency: [100, 200], handshake: { delay: 5 } }',
    'pattern: /a\nupstream: { url: "ws://localhost:1", headers: { cookie: null } }',
    'x-shared: 1\nhandlers: []',
    `${HEAD}  connect: [{ set: "{{message}}" }, { goto: x }]\n  disconnect: { send: bye, to: all }`,
    `${HEAD}  on: [{ when: 5 }, { when: { a: [1, { b: { $ne: null } }], c: null, $type: x } }]`,
    `${HEAD}  seed: a\n  key: '{{query.user}}'\n  state: { a: [1] }\n  shared: { b: {} }`,
    `${HEAD}  connect: { send: 5 }`,
    `${HEAD}  connect: [{ send: null, to: { room: r } }, { wait: [1, 2] }, { join: a }, { leave: a }, { drop: true }]`,
    `${HEAD}  connect: { expect: { a: { $gt: 1 } }, within: 5, otherwise: [{ close: 4000, reason: x }] }`,
    `${HEAD}  connect: { repeat: forever, steps: { wait: 5 } }`,
    `${HEAD}  on: [{ when: ping, phase: [a, b], goto: c, replies: [{ send: 1 }, []], after: cycle, count: handler }]`,
    `${HEAD}  every: [{ every: 5, first: 0, times: 3, to: all, room: r, send: { a: '{{n}}' } }]`,
  ])('takes %j', (yaml) => {
    expect([validate(parse(yaml)), validate.errors]).toEqual([true, null])
  })

  test.each([
    ['scenario: {}', 'pattern'],
    ['pattern: 5', 'pattern'],
    ['pattern: /a\nhartbeat: 5', 'hartbeat'],
    ['pattern: /a\nonMessage: x', 'onMessage'],
    [`${HEAD}  connect: { sned: 5 }`, 'sned'],
    [`${HEAD}  connect: [{ send: 1, wait: 5 }]`, 'wait'],
    [`${HEAD}  on: [{ reply: { send: 5 } }]`, 'when'],
    [`${HEAD}  on: [{ when: a, after: never }]`, 'last'],
    [`${HEAD}  every: [{ send: 5 }]`, 'every'],
    [`${HEAD}  on: [{ when: { a: { $gt: x } } }]`, 'number'],
    [`${HEAD}  on: [{ when: { $exists: no-idea } }]`, 'boolean'],
    [`${HEAD}  connect: { close: 99 }`, '1000'],
    ['handlers: []\nport: 80', 'port'],
    [`${HEAD}  connect: { repeat: often, steps: [] }`, 'forever'],
  ])('refuses %j', (yaml, named) => {
    expect(validate(parse(yaml))).toBe(false)
    expect(JSON.stringify(validate.errors)).toContain(named)
  })

  test('says of each name what it is', () => {
    const { definitions } = JSON.parse(text) as {
      definitions: Record<string, { properties?: Record<string, { description?: string; const?: unknown }> }>
    }
    for (const name of ['MockHandler', 'MockScenario', 'On', 'Every', 'Wait', 'Send', 'Join', 'Drop'])
      for (const [key, { description }] of Object.entries(definitions[name]?.properties ?? {}))
        expect([name, key, typeof description]).toEqual([name, key, 'string'])
  })
})
