import { describe, expect, it } from 'vitest'
import { Router } from '../../src/engine/handshake/router.ts'
import { compilePattern, type Pattern } from '../../src/engine/handshake/routing.ts'

const routerOf = (patterns: readonly Pattern[]): Router<Pattern> => new Router(patterns, (pattern) => pattern)

/** What a router has to find, by trying one pattern after the other. */
function firstMatch(patterns: readonly Pattern[], path: string): unknown {
  for (const target of patterns) {
    const params = target.match(path)
    if (params !== undefined) return { target, params }
  }
  return undefined
}

describe('router', () => {
  it('finds what a search through the list finds', () => {
    const texts = ['a', 'b', 'c d', 'é', '%', '%41', '', '*', '?', '**', '{id}', '{n:[ab]+}', 'a*']
    const parts = [
      'a',
      'b',
      'aa',
      'c%20d',
      'c d',
      '%C3%A9',
      'é',
      '%25',
      '%41',
      '%2541',
      'a%2Fb',
      '',
      '%',
      '%zz',
    ]
    let seed = 1
    const pick = <T>(list: readonly T[]): T => {
      seed = (seed * 48271) % 2147483647
      return list[seed % list.length] as T
    }
    const some = (list: readonly string[]): string =>
      Array.from({ length: 1 + pick([0, 1, 2]) }, () => pick(list)).join('/')
    for (let round = 0; round < 500; round++) {
      const patterns: Pattern[] = []
      for (let i = 0; i < 8; i++) {
        const text = some(texts)
        if (/\{.*\{/.test(text)) continue // one name must not come twice
        patterns.push(compilePattern(`/${text}`))
      }
      const router = routerOf(patterns)
      for (let i = 0; i < 20; i++) {
        const path = `${pick(['/', '/', '//', ''])}${some(parts)}`
        const found = { patterns: patterns.map(({ source }) => source), path, route: router.find(path) }
        expect(found).toEqual({ ...found, route: firstMatch(patterns, path) })
      }
    }
  })

  it('tries no plain pattern, however many there are, and the others up to the first that matches', () => {
    let calls = 0
    const counted = (source: string): Pattern => {
      const pattern = compilePattern(source)
      return { ...pattern, match: (path) => (calls++, pattern.match(path)) }
    }
    const plain = Array.from({ length: 10_000 }, (_, index) => counted(`/plain/${index}`))
    const patterns = [counted('/x/*'), ...plain, counted('/plain/{id}')]
    const router = routerOf(patterns)
    const triesOf = (path: string): [number, string | undefined] => {
      calls = 0
      return [router.find(path)?.target.source ?? undefined, calls].toReversed() as [
        number,
        string | undefined,
      ]
    }
    expect(triesOf('/plain/9999')).toEqual([1, '/plain/9999'])
    expect(triesOf('//plain//0')).toEqual([1, '/plain/0'])
    expect(triesOf('/x/1')).toEqual([1, '/x/*'])
    expect(triesOf('/plain/none')).toEqual([2, '/plain/{id}'])
    expect(triesOf('/none')).toEqual([2, undefined])
  })
})
