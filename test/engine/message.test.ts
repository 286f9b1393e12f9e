import { describe, expect, it } from 'vitest'
import { isSendableCloseCode, truncateReason } from '../../src/engine/close.ts'
import { describe as describeValue, SidewireError, toError } from '../../src/engine/errors.ts'
import { byteLength, decode, encode, toBuffer } from '../../src/engine/connection/message.ts'

describe('encode', () => {
  it.each([
    ['text', 'text'],
    ['', ''],
    [{ a: 1 }, '{"a":1}'],
    [[1, 'ü'], '[1,"ü"]'],
    [null, 'null'],
    [0, '0'],
    [Number.NaN, 'null'],
    [false, 'false'],
    [new Date(0), '"1970-01-01T00:00:00.000Z"'],
    [{ toJSON: () => 'mine' }, '"mine"'],
    [new Map([[1, 2]]), '{}'],
    ['\uD800', '\uFFFD'],
    ['a\uDC00b😀', 'a\uFFFDb😀'],
    [{ a: '\uD800' }, String.raw`{"a":"\ud800"}`],
  ])('%j is the text %j', (value, text) => {
    expect(encode(value)).toBe(text)
  })

  it('bytes go as they are, of every view and only its part', () => {
    const { buffer } = new Uint8Array([1, 2, 3, 4])
    for (const [value, bytes] of [
      [Buffer.from([1, 2]), [1, 2]],
      [buffer, [1, 2, 3, 4]],
      [new Uint8Array(buffer, 1, 2), [2, 3]],
      [new Uint16Array(buffer, 2, 1), [3, 4]],
      [new DataView(buffer, 3), [4]],
      [new Float64Array(0), []],
    ] as const)
      expect([...(encode(value) as Uint8Array)]).toEqual(bytes)
  })

  const cycle: Record<string, unknown> = {}
  cycle['self'] = cycle
  it.each([
    ['undefined', undefined],
    ['a function', () => 1],
    ['a symbol', Symbol('s')],
    ['a cycle', cycle],
    ['a BigInt', 1n],
    ['a BigInt inside', { a: [1n] }],
    ['toJSON that throws', { toJSON: () => JSON.parse('{') as unknown }],
    ['toJSON that gives undefined', { toJSON: () => undefined }],
  ])('%s is ERR_SERIALIZE', (_name, value) => {
    expect(() => encode(value)).toThrow(SidewireError)
    expect(() => encode(value)).toThrow(expect.objectContaining({ code: 'ERR_SERIALIZE' }))
  })
})

describe('decode', () => {
  it.each([
    ['{"a":1}', { a: 1 }],
    ['[]', []],
    ['"s"', 's'],
    ['1e3', 1000],
    ['-0.5', -0.5],
    ['true', true],
    ['null', null],
    [' \t\r\n1 ', 1],
    ['', ''],
    [' ', ' '],
    ['NaN', 'NaN'],
    ['Infinity', 'Infinity'],
    ['undefined', 'undefined'],
    ['nullable', 'nullable'],
    ['{"a":1', '{"a":1'],
    ['01', '01'],
    ["{'a':1}", "{'a':1}"],
    ['\uFEFF{}', '\uFEFF{}'],
    ['hello', 'hello'],
  ])('%j is %j', (text, value) => {
    expect(decode(text)).toEqual(value)
  })

  it('binary is a Buffer, JSON or not', () => {
    const value = decode(new Uint8Array(Buffer.from('{"a":1}')))
    expect(Buffer.isBuffer(value)).toBe(true)
    expect(String(value)).toBe('{"a":1}')
  })

  it('__proto__ in JSON changes no prototype', () => {
    const value = decode('{"__proto__":{"polluted":true}}') as object
    expect(Object.getPrototypeOf(value)).toBe(Object.prototype)
    expect(({} as Record<string, unknown>)['polluted']).toBeUndefined()
  })
})

it('byteLength counts bytes of UTF-8', () => {
  expect(byteLength('aü€😀')).toBe(10)
  expect(byteLength(new Uint8Array(3))).toBe(3)
  expect(toBuffer('ü').length).toBe(2)
})

describe('close codes and reasons', () => {
  it('exactly 1000-1003, 1007-1014 and 3000-4999 may be sent', () => {
    const allowed = Array.from({ length: 70_000 }, (_, code) => code).filter(isSendableCloseCode)
    const range = (from: number, to: number): number[] =>
      Array.from({ length: to - from + 1 }, (_, i) => from + i)
    expect(allowed).toEqual([...range(1000, 1003), ...range(1007, 1014), ...range(3000, 4999)])
    for (const code of [-1, 1000.5, Number.NaN, Infinity, '1000', null, undefined, 1000n])
      expect(isSendableCloseCode(code)).toBe(false)
  })

  it('a reason of every length and width is cut to 123 bytes, between characters, and no shorter than needed', () => {
    for (const char of ['x', 'é', '€', '😀']) {
      for (let lead = 0; lead < 5; lead++) {
        for (const count of [0, 1, 30, 31, 41, 42, 61, 62, 123, 124, 200]) {
          const reason = 'x'.repeat(lead) + char.repeat(count)
          const cut = truncateReason(reason)
          const size = Buffer.byteLength(cut)
          expect(reason.startsWith(cut)).toBe(true)
          expect(cut.isWellFormed()).toBe(true)
          expect(size).toBeLessThanOrEqual(123)
          if (cut !== reason) expect(size).toBeGreaterThan(123 - Buffer.byteLength(char))
        }
      }
    }
  })

  it('lone surrogates become replacement characters', () => {
    expect(truncateReason('a\uD800')).toBe('a\uFFFD')
    const long = truncateReason('\uDC00'.repeat(100))
    expect(long).toBe('\uFFFD'.repeat(41))
  })
})

describe('errors', () => {
  it('whatever is thrown becomes an Error, with the value in its message and as its cause', () => {
    const error = new TypeError('x')
    expect(toError(error)).toBe(error)
    expect(toError('text')).toMatchObject({
      code: 'ERR_THROWN',
      message: expect.stringContaining('"text"'),
      cause: 'text',
    })
    expect(toError(undefined)).toMatchObject({ code: 'ERR_THROWN', cause: undefined })
  })

  it('every value can be described, shortly', () => {
    const cycle: unknown[] = []
    cycle.push(cycle)
    const trap = new Proxy({}, { ownKeys: () => { throw new Error('no') } }) // prettier-ignore
    const values = [
      cycle,
      trap,
      1n,
      Symbol('s'),
      () => 1,
      Map,
      null,
      undefined,
      'x'.repeat(500),
      Array(500).fill(1),
      /x/g,
      Object.create(null),
      Number.NaN,
    ]
    for (const value of values) expect(describeValue(value).length).toBeLessThanOrEqual(80)
    expect(describeValue(10n)).toBe('10n')
    expect(describeValue('a"b')).toBe(String.raw`"a\"b"`)
    expect(describeValue(/x/g)).toBe('/x/g')
  })
})
