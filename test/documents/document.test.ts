import { describe, expect, it } from 'vitest'
import { readDocument } from '../../src/documents/document.ts'

const read = (text: string) => readDocument(text, 'mock.ws.yaml', 'ERR_CONFIG')

describe('a document', () => {
  it('is YAML 1.2: no dates, no times, no on that is true', () => {
    expect(read('on: 12:30\nday: 2020-01-01\nyes: no\n').value).toEqual({
      on: '12:30',
      day: '2020-01-01',
      yes: 'no',
    })
  })

  it('is JSON, with tabs and with a mark in front of it', () => {
    expect(read('\u{FEFF}{\n\t"a": [\n\t\t1,\n\t\t"\\u00e4"\n\t]\n}').value).toEqual({ a: [1, 'ä'] })
  })

  it('has no key that changes what objects are', () => {
    const { value } = read('__proto__: { polluted: true }\nconstructor: 1')
    expect(Object.keys(value as object)).toEqual(['__proto__', 'constructor'])
    expect((value as { polluted?: boolean }).polluted).toBeUndefined()
  })

  it('knows the lines of its values, through aliases and lists', () => {
    const { lineOf } = read('a:\n  - x: 1\n    y:\n      z: 2\n  - &b\n    q: 3\nc: *b\n')
    expect(lineOf([])).toBe(1)
    expect(lineOf(['a'])).toBe(1)
    expect(lineOf(['a', 0])).toBe(2)
    expect(lineOf(['a', 0, 'y', 'z'])).toBe(4)
    expect(lineOf(['c', 'q'])).toBe(6)
    expect(lineOf(['a', 0, 'missing', 'deeper'])).toBe(2)
    expect(read('').lineOf(['a'])).toBe(1)
  })

  it.each([
    ['a: 1\na: 2\n', 'mock.ws.yaml:2: Map keys must be unique'],
    ['a:\n\tb: 1', 'mock.ws.yaml:2: Tabs are not allowed as indentation'],
    [
      'a: [1,\n',
      'mock.ws.yaml:2: Flow sequence in block collection must be sufficiently indented and end with a ]',
    ],
    ['a: 1\n---\nb: 2\n', 'mock.ws.yaml:2: a second document begins, and a file is one'],
    ['x: 1\na: !secret b\n', 'mock.ws.yaml:2: Unresolved tag: !secret'],
  ])('says what is wrong with %j, and in which line', (text, message) => {
    expect(() => read(text)).toThrow(expect.objectContaining({ code: 'ERR_CONFIG', message }))
  })

  it('is no bomb', () => {
    const lines = ['a0: &a0 [1,1,1,1,1,1,1,1,1,1]']
    for (let i = 1; i < 9; i++)
      lines.push(`a${i}: &a${i} [${Array.from({ length: 10 }, () => `*a${i - 1}`).join()}]`)
    expect(() => read(lines.join('\n'))).toThrow(/^mock\.ws\.yaml: Excessive alias count/)
  })
})
