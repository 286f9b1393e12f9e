import { readFileSync } from 'node:fs'
import { describe, expect, test } from 'vitest'
import { loadRuntime, NETWORK_RUNTIMES } from '../contract/runtimes.ts'
import { GROUPS } from './cases.ts'
import { EXCEPTIONS, NOTES } from './exceptions.ts'
import { closes, dropped, refused, text, unanswered, type Case } from './notation.ts'
import { WAYS } from './servers.ts'
import { CASES } from './suite.ts'
import { PINNED } from './uws-http.ts'
import { anticipate, covers, judge } from './verdict.ts'
import type { Seen } from './wire-client.ts'

const DOC = readFileSync(new URL('../../docs/conformance.md', import.meta.url), 'utf8')
const README = readFileSync(new URL('../../README.md', import.meta.url), 'utf8')
const VERDICTS = ['ok', 'informational', 'native', 'failed'] as const
/** As docs/conformance.md has them. */
const COLUMNS = ['uws', 'ws', 'bun'].flatMap((runtime) => WAYS.map((way) => `${runtime} ${way}`))

describe('the table of cases', () => {
  const ids = CASES.map(({ theCase: [id] }) => id)

  test('has every id once, in the group that it names', () => {
    expect(ids.length).toBeGreaterThan(700)
    expect(new Set(ids).size).toBe(ids.length)
    for (const { group, theCase } of CASES)
      expect([theCase[0], covers(group.id, theCase[0])]).toEqual([theCase[0], true])
  })

  test('says of every case what is expected, and where that is written', () => {
    for (const { theCase } of CASES) {
      const [id, title, send, , rfc] = theCase
      expect([id, title.length > 2, send.length > 0]).toEqual([id, true, true])
      expect(rfc).toMatch(/^(?:6455|7692|9110|9112|6454|6585) \d+(?:\.\d+)*$/)
    }
  })

  test('has no exception without a case, and no note without an exception', () => {
    for (const { cases } of EXCEPTIONS)
      for (const name of cases) expect([name, ids.some((id) => covers(name, id))]).toEqual([name, true])
    expect([...new Set(EXCEPTIONS.map(({ note }) => note))].toSorted()).toEqual(Object.keys(NOTES).toSorted())
  })

  test('quotes what allows an informational result, and has evidence and advice for a native one', () => {
    for (const [name, note] of Object.entries(NOTES)) {
      if (note.verdict === 'informational')
        expect([name, note.quotes?.join()]).toEqual([name, expect.stringMatching(/RFC \d+ [\d.]+: "/)])
      else
        expect([name, note.evidence, note.advice, note.known]).toEqual([
          name,
          expect.any(String),
          expect.any(String),
          expect.any(Boolean),
        ])
    }
  })
})

describe('a verdict', () => {
  const theCase: Case = ['0', 'echo', [text('a')], [text('a')], '6455 5.6']
  const echo: Seen = { kind: 'frame', opcode: 1, payload: Buffer.from('a'), compressed: false }
  const alive: Seen = { kind: 'alive' }
  const ok = { verdict: 'ok', outcome: theCase[3] } as const
  const excused = { verdict: 'native', note: 'MASK', outcome: [dropped] } as const

  test.each([
    ['ok', ok, [echo, alive]],
    ['failed', ok, [echo, { kind: 'end' }]],
    ['failed', ok, [echo]],
    ['failed', ok, [echo, echo, alive]],
    ['failed', ok, [{ ...echo, opcode: 2 }, alive]],
    ['failed', ok, [{ kind: 'illegal', what: 'masks a frame' }, echo, alive]],
    ['failed', ok, [{ kind: 'silence' }]],
    ['native', excused, [{ kind: 'end' }]],
    ['failed', excused, [{ kind: 'close', code: 1002, reason: '' }, { kind: 'end' }]],
    // An exception that is not needed any more.
    ['failed', excused, [echo, alive]],
  ] as const)('is %s for %j and %j', (verdict, anticipated, seen) => {
    expect(judge(theCase, anticipated, seen).verdict).toBe(verdict)
  })

  test.each([
    [closes(1002), [{ kind: 'close', code: 1002, reason: 'x' }, { kind: 'end' }], 'ok'],
    [closes(1002), [{ kind: 'close', code: 1007, reason: '' }, { kind: 'end' }], 'failed'],
    [closes(1002), [{ kind: 'end' }], 'failed'],
    [closes(1002), [{ kind: 'close', code: 1002, reason: '' }, alive], 'failed'],
    [refused(400), [{ kind: 'response', status: 400, headers: {} }, { kind: 'end' }], 'ok'],
    [refused(400), [{ kind: 'response', status: 101, headers: {} }, alive], 'failed'],
    [unanswered, [{ kind: 'end' }], 'ok'],
  ] as const)('of a case that ends with %j and %j: %s', (last, seen, verdict) => {
    const ending: Case = ['0', 'ends', [text('a')], [last], '6455 5.6']
    expect(judge(ending, { verdict: 'ok', outcome: ending[3] }, seen).verdict).toBe(verdict)
  })
})

describe('docs/conformance.md (npm run conformance writes it)', () => {
  const rows = [...DOC.matchAll(/^\| (\d+\.[\d.]+) \| (.*) \|$/gm)].map(([, id = '', rest = '']) => [
    id,
    ...rest.split(' | '),
  ])

  test('lists the cases of the table, in its order', () => {
    expect(rows.map(([id, title, rfc]) => [id, title, rfc])).toEqual(
      CASES.map(({ theCase: [id, title, , , rfc] }) => [id, title, rfc]),
    )
  })

  test('has the groups and the number of their cases', () => {
    expect(README).toContain(`has ${CASES.length} cases`)
    for (const { id, title, cases } of GROUPS) expect(DOC).toContain(`| ${id} | ${title} | ${cases.length} |`)
  })

  test.each(NETWORK_RUNTIMES.flatMap((runtime) => WAYS.map((way) => ({ runtime, way }))))(
    'has the verdicts, and their numbers, that a run on $runtime, $way, has to produce',
    async ({ runtime, way }) => {
      const { capabilities } = await loadRuntime(runtime)
      const column = 3 + COLUMNS.indexOf(`${runtime} ${way}`)
      const anticipated = CASES.map(({ theCase }) => {
        // The page is of a run on Node 20, with the pinned uWebSockets.js.
        const place = { runtime, way, capabilities, tabsHideUpgrades: true, uwsHttp: PINNED }
        const { verdict, note } = anticipate(place, theCase)
        return [theCase[0], verdict, note]
      })
      const written = rows.map((row) => {
        const [, verdict, note] = /^(\w+)(?: \[(\w+)\].*)?$/.exec(row[column] ?? '') ?? []
        return [row[0], verdict, note]
      })
      expect(written).toEqual(anticipated)
      const counts = VERDICTS.map((verdict) => anticipated.filter(([, given]) => given === verdict).length)
      expect(DOC).toContain(`| ${runtime} | ${way} | ${counts.join(' | ')} |`)
    },
  )
})
