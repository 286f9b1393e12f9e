import { describe, expect, it } from 'vitest'
import { SidewireError } from '../../src/engine/errors.ts'
import { compilePattern, normalizePrefix, stripPrefix } from '../../src/engine/handshake/routing.ts'
import { NAMED_PATTERNS } from '../support/named-patterns.ts'

describe('prefixes', () => {
  it.each([
    ['/api', '/api'],
    ['api', '/api'],
    ['/api/', '/api'],
    ['//api//', '/api'],
    ['/api/v1/', '/api/v1'],
    ['a b/ü', '/a%20b/%C3%BC'],
    ['/a%20b', '/a%20b'],
    ['', ''],
    ['/', ''],
    ['///', ''],
  ])('%j is normalised to %j', (prefix, expected) => {
    expect(normalizePrefix(prefix)).toBe(expected)
  })

  it.each([
    ['/api/ws', ['/api'], '/ws'],
    ['/api', ['/api'], '/'],
    ['/api/', ['/api'], '/'],
    ['/apix/ws', ['/api'], undefined],
    ['/ap', ['/api'], undefined],
    ['/API/ws', ['/api'], undefined],
    ['/ws', ['/api'], undefined],
    ['/x/api/ws', ['/api'], undefined],
    ['/ws', [''], '/ws'],
    ['/api/v2/ws', ['/api', '/api/v2'], '/ws'],
    ['/api/v2/ws', ['/api/v2', '/api'], '/ws'],
    ['/api/v2x', ['/api', '/api/v2'], '/v2x'],
    ['/api/ws', ['/a', '/api'], '/ws'],
    ['/other', ['/api', ''], '/other'],
    ['/api/ws', ['', '/api'], '/ws'],
    ['/ws', [], undefined],
  ])('%j behind %j is %j', (path, prefixes, expected) => {
    expect(stripPrefix(path, prefixes)).toBe(expected)
  })
})

const yes = {}
const no = undefined

describe('patterns', () => {
  it.each([
    // Text
    ['/ws', '/ws', yes],
    ['ws', '/ws', yes],
    ['/ws', '/WS', no],
    ['/ws', '/ws/', no],
    ['/ws/', '/ws', no],
    ['/ws/', '/ws/', yes],
    ['/ws', '//ws', yes],
    ['//ws', '/ws', yes],
    ['/a/b', '/a//b', yes],
    ['/ws', '/wsx', no],
    ['/', '/', yes],
    ['/a b', '/a%20b', yes],
    ['/ü', '/%C3%BC', yes],
    ['/a.c', '/abc', no],
    ['/a+(b)|$^', '/a+(b)|$^', yes],
    ['/a,b*', '/a,bc', yes], // ended the process in the reference
    ['/[a-z]*', '/[a-z]1', yes],
    ['/[a-z]*', '/b', no],
    // ?
    ['/w?', '/ws', yes],
    ['/w?', '/w', no],
    ['/w?', '/wss', no],
    ['/?', '/', no],
    ['/?', '/%F0%9F%98%80', yes],
    ['/??', '/%F0%9F%98%80', no],
    ['/😀?', '/%F0%9F%98%80x', yes],
    ['/😀*', '/%F0%9F%98%80', yes],
    ['/?{id:x}', '/%F0%9F%98%80x', { id: 'x' }],
    ['/??{id:x}', '/%F0%9F%98%80x', no],
    // *
    ['/*', '/', yes],
    ['/*', '/a', yes],
    ['/*', '/a/b', no],
    ['/ws/*', '/ws/', yes],
    ['/ws/*', '/ws/a', yes],
    ['/ws/*', '/ws', no],
    ['/ws/*', '/ws/a/', no],
    ['/ws/*', '/ws/a/b', no],
    ['/a*b', '/ab', yes],
    ['/a*b', '/axxb', yes],
    ['/a*b', '/ba', no],
    ['/a*a', '/a', no],
    ['/*a*b*', '/xxaxbx', yes],
    ['/*a*b*', '/xxbxax', no],
    ['/*.*', '/a.b.c', yes],
    ['/a*?', '/a', no],
    ['/a*?', '/ab', yes],
    // **
    ['/**', '/', yes],
    ['/**', '/a/b/c', yes],
    ['/ws/**', '/ws', yes],
    ['/ws/**', '/ws/', yes],
    ['/ws/**', '/ws/a/b', yes],
    ['/ws/**', '/wsx', no],
    ['/**/x', '/x', yes],
    ['/**/x', '/a/b/x', yes],
    ['/**/x', '/a/x/b', no],
    ['/a/**/b/**/c', '/a/b/c', yes],
    ['/a/**/b/**/c', '/a/1/b/2/3/c', yes],
    ['/a/**/b/**/c', '/a/1/c', no],
    ['/**/b/*', '/a/b/c/b/d', yes],
    // Parameters
    ['/{a}', '/', no],
    ['/{a}', '/x', { a: 'x' }],
    ['/{a}/{b}', '/x/y', { a: 'x', b: 'y' }],
    ['/{a}-{b}', '/1-2-3', { a: '1-2', b: '3' }],
    ['/{a}-{b}', '/1-', no],
    ['/{a}-{b}', '/-1', no],
    ['/{a}{b}', '/xyz', { a: 'xy', b: 'z' }],
    ['/{a}{b}', '/x', no],
    ['/v{a}.{b}', '/v1.2.3', { a: '1.2', b: '3' }],
    ['/*{a}', '/xyz', { a: 'z' }],
    ['/{a}*', '/xyz', { a: 'xyz' }],
    ['/{a}?{b}', '/1234', { a: '12', b: '4' }],
    ['/{a}', '/a%20b', { a: 'a b' }],
    ['/{a}', '/a%2Fb', { a: 'a/b' }],
    ['/{größe}', '/1', { größe: '1' }],
    ['/**/{last}', '/a/b/c', { last: 'c' }],
    ['/{first}/**', '/a/b/c', { first: 'a' }],
    // Expressions
    [String.raw`/{id:\d+}`, '/42', { id: '42' }],
    [String.raw`/{id:\d+}`, '/42x', no],
    [String.raw`/{id:\d+}`, '/x42', no],
    [String.raw`/{id:\w+?}`, '/abc', { id: 'abc' }], // captured one letter in the reference
    ['/{v:a|b}c', '/ac', { v: 'a' }],
    ['/{v:a|b}c', '/b', no],
    ['/{id:[0-9]{2,3}}', '/123', { id: '123' }],
    ['/{id:[0-9]{2,3}}', '/1', no],
    ['/{a:(x)(y)}-{b:(z)}', '/xy-z', { a: 'xy', b: 'z' }],
    ['/{a:x/y}', '/x%2Fy', { a: 'x/y' }],
    [String.raw`/{id:\{\d+\}}`, '/{7}', { id: '{7}' }],
    ['/{a:.*}', '/', { a: '' }],
    ['/{a:[^-]+}-*', '/1-2-3', { a: '1' }],
  ] as const)('%j on %j: %j', (pattern, path, expected) => {
    const match = compilePattern(pattern).match(path)
    if (expected === undefined) expect(match).toBeUndefined()
    else expect(match).toEqual(expected)
  })

  it.each([['/x/%'], ['/x/%zz'], ['/x/%e4'], ['/x/%C3%28']])(
    '%j is malformed where the rest matches',
    (path) => {
      expect(compilePattern('/x/{id}').match(path)).toBe('malformed')
      expect(compilePattern('/x/**').match(path)).toBe('malformed')
      expect(compilePattern('/y/{id}').match(path)).toBeUndefined()
    },
  )

  it('a parameter cannot change the prototype of the others', () => {
    const params = compilePattern('/{__proto__}').match('/x') as Record<string, string>
    expect(Object.getPrototypeOf(params)).toBe(Object.prototype)
    expect(Object.hasOwn(params, '__proto__')).toBe(true)
  })

  it.each([
    ['/{a', '"{"'],
    ['/a}', '"}"'],
    ['/{}', '""'],
    ['/{1a}', '"1a"'],
    ['/{a b}', '"a b"'],
    ['/{a}/{a}', 'twice'],
    ['/a**', '"**"'],
    ['/**a', '"**"'],
    ['/{a:(}', '{a}'],
    ['/{a:[}', '{a}'],
    ['/{a:*}', '{a}'],
  ])('%j is ERR_PATTERN, which names %s', (pattern, part) => {
    const compile = (): unknown => compilePattern(pattern)
    expect(compile).toThrow(SidewireError)
    expect(compile).toThrow(expect.objectContaining({ code: 'ERR_PATTERN' }))
    expect(compile).toThrow(`"${pattern}"`)
    expect(compile).toThrow(part)
  })

  it('wildcards take what greedy expressions take: every short path, many patterns', () => {
    const parts = ['a', 'b', '-', '?', '*', '{x}', '{y}']
    const paths = ['']
    for (const path of paths) if (path.length < 5) paths.push(...['a', 'b', '-'].map((char) => path + char))
    let patterns = ['']
    for (let length = 0; length < 4; length++)
      patterns = patterns.concat(patterns.flatMap((text) => parts.map((part) => text + part)))
    for (const text of new Set(patterns)) {
      // The last is refused: it is mostly meant as an optional parameter.
      if (text === '' || text.includes('**') || /(\{.\}).*\1/.test(text) || text.endsWith('}?')) continue
      const expression = text
        .replaceAll('?', '.')
        .replaceAll('*', '.*')
        .replaceAll(/\{(.)\}/g, '(?<$1>.+)')
      const regexp = new RegExp(`^${expression}$`)
      const pattern = compilePattern(`/${text}`)
      const differing = paths.filter((path) => {
        const found = regexp.exec(path)
        const expected = found ? { ...found.groups } : undefined
        return JSON.stringify(pattern.match(`/${path}`)) !== JSON.stringify(expected)
      })
      expect([text, differing]).toEqual([text, []])
    }
  })

  it('a hostile path costs little', () => {
    const long = 'a'.repeat(8000)
    const cases = [
      ['/*a*a*a*a*a*b', `/${long}`],
      ['/{a}-{b}-{c}-{d}.json', `/${'-'.repeat(8000)}`],
      ['/{a}{b}{c}{d}{e}x', `/${long}`],
      ['/**/a/**/a/**/a/**/b', '/a'.repeat(4000)],
      ['/**/*a*/**/*a*/**/b', '/a'.repeat(4000)],
      ['/**', '/%61'.repeat(4000)],
    ] as const
    const start = performance.now()
    for (const [pattern, path] of cases) compilePattern(pattern).match(path)
    expect(performance.now() - start).toBeLessThan(2000)
  })
})

// The compiler has the same ones: test/docs/types.test.ts.
describe('the names of parameters', () => {
  it.each(NAMED_PATTERNS)('%s', (pattern, path, names) => {
    expect(Object.keys(compilePattern(pattern).match(path) ?? { none: '' })).toEqual(names)
  })
})
