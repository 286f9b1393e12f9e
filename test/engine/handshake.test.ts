import { describe, expect, it } from 'vitest'
import {
  checkHandshake,
  chooseDeflateOffer,
  chooseSubprotocol,
} from '../../src/engine/handshake/handshake.ts'
import { isOriginAllowed, resolveOrigins } from '../../src/engine/handshake/origin.ts'
import {
  createHandshakeRequest,
  pathOf,
  readHeaders,
  toOriginForm,
  tokens,
} from '../../src/engine/handshake/request.ts'
import type { RawRequest } from '../../src/engine/runtime.ts'
import { HANDSHAKE } from '../support/raw-client.ts'

function request(
  headers: Record<string, string | undefined> = {},
  more: Partial<RawRequest> = {},
): RawRequest {
  const all = { Host: 'x', ...HANDSHAKE, ...headers }
  return {
    method: 'GET',
    url: '/',
    httpVersion: '1.1',
    rawHeaders: Object.entries(all).flatMap(([name, value]) => (value === undefined ? [] : [name, value])),
    remoteAddress: '127.0.0.1',
    remotePort: 1,
    encrypted: false,
    ...more,
  }
}

const statusOf = (raw: RawRequest): number | undefined =>
  checkHandshake(raw, readHeaders(raw.rawHeaders).headers)?.status

describe('the opening handshake', () => {
  it('is good as it is', () => {
    expect(statusOf(request())).toBeUndefined()
  })

  it.each([
    [{ method: 'POST' }, {}, 400],
    [{ method: 'get' }, {}, 400],
    [{ httpVersion: '1.0' }, {}, 400],
    [{ httpVersion: '2.0' }, {}, 400],
    [{}, { Host: undefined }, 400],
    [{}, { Upgrade: undefined }, 400],
    [{}, { Connection: 'close' }, 400],
    [{}, { 'Sec-WebSocket-Version': undefined }, 400],
    [{}, { 'Sec-WebSocket-Version': '12' }, 426],
    [{}, { 'Sec-WebSocket-Version': '13, 13' }, 426],
    [{}, { 'Sec-WebSocket-Key': 'AAAA' }, 400],
    [{}, { 'Sec-WebSocket-Protocol': 'a,,b' }, 400],
    [{}, { Host: 'a.example:8787' }, undefined],
    [{}, { Host: '[::1]:8787' }, undefined],
    [{}, { Host: 'a_b.example' }, undefined],
    [{}, { Host: 'a, a' }, 400],
    [{}, { Host: 'a,b' }, 400],
    [{}, { Host: 'a b' }, 400],
    [{}, { Host: 'user@a' }, 400],
    [{}, { Host: 'a/b' }, 400],
    [{}, { Host: 'a:b' }, 400],
    [{}, { 'Content-Length': '0' }, undefined],
    [{}, { 'Content-Length': '1' }, 400],
    [{}, { 'Content-Length': '0, 0' }, 400],
    [{}, { 'Content-Length': '-0' }, 400],
    [{}, { 'Content-Length': '' }, 400],
    [{}, { 'Transfer-Encoding': 'chunked' }, 400],
    [{}, { 'Transfer-Encoding': '' }, 400],
    [{}, { 'Sec-WebSocket-Extensions': 'a; b; c=d; e="f", g,, h ;i= "\\j"' }, undefined],
    [{}, { 'Sec-WebSocket-Extensions': '' }, 400],
    [{}, { 'Sec-WebSocket-Extensions': ',' }, 400],
    [{}, { 'Sec-WebSocket-Extensions': 'a;' }, 400],
    [{}, { 'Sec-WebSocket-Extensions': 'a b' }, 400],
    [{}, { 'Sec-WebSocket-Extensions': 'a; b=' }, 400],
    [{}, { 'Sec-WebSocket-Extensions': 'a; =b' }, 400],
    [{}, { 'Sec-WebSocket-Extensions': 'a; b="c' }, 400],
    [{}, { 'Sec-WebSocket-Extensions': 'a; b=""' }, 400],
    [{}, { 'Sec-WebSocket-Extensions': 'a; b="c d"' }, 400],
  ] as const)('%j %j: %i', (more, headers, status) => {
    expect(statusOf(request(headers, more))).toBe(status)
  })
})

describe('subprotocols', () => {
  it.each([
    [undefined, undefined, ''],
    [undefined, ['a'], ''],
    ['a, b', undefined, 'a'],
    ['a, b', ['b', 'a'], 'b'],
    ['b,a', ['b', 'a'], 'b'],
    ['c', ['b', 'a'], undefined],
    ['A', ['a'], undefined],
    ['a', [], undefined],
  ])('offered %j, accepted %j: %j', (offer, accepted, expected) => {
    expect(chooseSubprotocol(offer, accepted)).toBe(expected)
  })
})

const EVERY_WINDOW = [8, 9, 10, 11, 12, 13, 14, 15]

describe('offers of permessage-deflate', () => {
  it.each([
    [undefined, ''],
    ['', ''],
    ['permessage-deflate', 'permessage-deflate'],
    ['permessage-deflate; client_max_window_bits', 'permessage-deflate; client_max_window_bits'],
    ['permessage-deflate; client_max_window_bits=10', 'permessage-deflate; client_max_window_bits=10'],
    ['permessage-deflate; server_max_window_bits="12"', 'permessage-deflate; server_max_window_bits="12"'],
    [
      'permessage-deflate; server_no_context_takeover; client_no_context_takeover',
      'permessage-deflate; server_no_context_takeover; client_no_context_takeover',
    ],
    ['x-webkit-deflate-frame, permessage-deflate', 'permessage-deflate'],
    ['permessage-deflate; unknown', ''],
    ['permessage-deflate; server_max_window_bits', ''],
    ['permessage-deflate; server_max_window_bits=7', ''],
    ['permessage-deflate; server_max_window_bits=16', ''],
    ['permessage-deflate; server_max_window_bits=08', ''],
    ['permessage-deflate; client_max_window_bits=', ''],
    ['permessage-deflate; client_max_window_bits=x', ''],
    ['permessage-deflate; server_no_context_takeover=1', ''],
    ['permessage-deflate; client_no_context_takeover; client_no_context_takeover', ''],
    ['permessage-deflate; client_max_window_bits; client_max_window_bits=9', ''],
    ['permessage-deflate;', ''],
    ['permessage-deflates', ''],
    [
      'permessage-deflate; server_max_window_bits=7, permessage-deflate; server_max_window_bits=9',
      'permessage-deflate; server_max_window_bits=9',
    ],
  ])('%j: %j', (offer, expected) => {
    expect(chooseDeflateOffer(offer, EVERY_WINDOW)).toBe(expected)
  })

  it.each([
    ['permessage-deflate; server_max_window_bits=10', [], ''],
    ['permessage-deflate; server_max_window_bits=10', [9, 15], ''],
    ['permessage-deflate; server_max_window_bits=10', [10], 'permessage-deflate; server_max_window_bits=10'],
    ['permessage-deflate; client_max_window_bits=10', [], 'permessage-deflate; client_max_window_bits=10'],
    ['permessage-deflate; server_max_window_bits=10, permessage-deflate', [15], 'permessage-deflate'],
  ])('%j where the windows are %j: %j', (offer, windows, expected) => {
    expect(chooseDeflateOffer(offer, windows)).toBe(expected)
  })

  it.each([
    ['permessage-deflate; server_max_window_bits=10; server_no_context_takeover', false],
    ['permessage-deflate; server_max_window_bits=15; server_no_context_takeover', true],
    ['permessage-deflate; server_max_window_bits=10; client_no_context_takeover', true],
    ['permessage-deflate; server_no_context_takeover', true],
  ])('%j where a small window goes with context takeover only: %j', (offer, taken) => {
    expect(chooseDeflateOffer(`${offer}, permessage-deflate`, EVERY_WINDOW, false)).toBe(
      taken ? offer : 'permessage-deflate',
    )
  })
})

describe('the request', () => {
  it('headers are by lower-case name; repeated ones are joined, cookies by ";"', () => {
    const source = ['X-A', '1', 'x-a', '2', 'Cookie', 'a=1', 'cookie', 'b=2', 'HOST', 'h', 'host']
    const { headers, rawHeaders } = readHeaders(source)
    expect(headers).toEqual({ 'x-a': '1, 2', cookie: 'a=1; b=2', host: 'h' })
    expect(rawHeaders).toEqual(source.slice(0, -1))
  })

  it('headers named like members of every object are harmless', () => {
    const { headers } = readHeaders(['__proto__', 'x', 'constructor', 'c', 'toString', 't', '__Proto__', 'y'])
    expect(Object.getPrototypeOf(headers)).toBe(Object.prototype)
    expect(Object.entries(headers)).toEqual([
      ['constructor', 'c'],
      ['tostring', 't'],
    ])
  })

  it.each([
    ['/a', '/a'],
    ['/a?b=/c', '/a'],
    ['/a#b?c', '/a'],
    ['/?x', '/'],
    ['?x', ''],
  ])('the path of %j is %j', (url, path) => {
    expect(pathOf(url)).toBe(path)
  })

  it.each([
    ['/a?b', '/a?b', 'x'],
    ['http://y/a?b', '/a?b', 'y'],
    ['WS://y:1/a', '/a', 'y:1'],
    ['https://y', '/', 'y'],
    ['http://y?b', '/?b', 'y'],
    ['http://', '/', ''],
    ['*', '*', 'x'],
    ['//y/a', '//y/a', 'x'],
  ])('the target %j is %j on the host %j', (url, expected, host) => {
    const { url: path, rawHeaders } = toOriginForm(request({}, { url }))
    expect([path, readHeaders(rawHeaders).headers['host']]).toEqual([expected, host])
  })

  it('tokens are trimmed, empty ones left out', () => {
    expect(tokens(' a ,, b,')).toEqual(['a', 'b'])
    expect(tokens(undefined)).toEqual([])
  })

  it.each([
    ['127.0.0.1', '127.0.0.1'],
    ['::ffff:10.0.0.7', '10.0.0.7'],
    ['::ffff:0a00:0007', '10.0.0.7'],
    ['0000:0000:0000:0000:0000:ffff:7f00:0001', '127.0.0.1'],
    ['0000:0000:0000:0000:0000:0000:0000:0001', '::1'],
    ['::1', '::1'],
    ['2001:0db8:0000:0000:0000:0000:0000:00ff', '2001:db8::ff'],
    ['fe80::1%eth0', 'fe80::1%eth0'],
    ['', ''],
  ])('the address %j is %j on every runtime', (remoteAddress, expected) => {
    const raw = request({}, { remoteAddress })
    expect(createHandshakeRequest(raw, {}, readHeaders([])).socket.remoteAddress).toBe(expected)
  })
})

describe('origins', () => {
  it.each([
    [undefined, undefined, true],
    ['http://localhost', undefined, true],
    ['http://x.localhost:1', undefined, true],
    ['http://[::1]:1', undefined, true],
    ['http://localhost.', undefined, false],
    ['http://0.0.0.0', undefined, false],
    ['http://0.0.0.0:5173', '0.0.0.0:8787', true],
    ['http://1.2.3.4', '1.2.3.4', true],
    ['http://1.2.3.4', '1.2.3.4, evil', false],
    ['http://1.2.3.4', '', false],
    ['http://name', 'name', false],
    ['', undefined, false],
  ])('%j with the host %j: %j', (origin, host, expected) => {
    expect(isOriginAllowed(origin, host, undefined)).toBe(expected)
  })

  it.each([
    ['https://a.example/', 'https://a.example'],
    ['HTTPS://A.Example', 'https://a.example'],
    ['https://a.example:443', 'https://a.example'],
    ['http://a.example:80/', 'http://a.example'],
    ['https://a.example:8443', 'https://a.example:8443'],
    ['https://münchen.example', 'https://xn--mnchen-3ya.example'],
    ['http://[2001:DB8::1]:3000', 'http://[2001:db8::1]:3000'],
    ['file://', 'file://'],
    ['file:///', 'file://'],
    ['null', 'null'],
    ['capacitor://localhost/', 'capacitor://localhost'],
    ['chrome-extension://ABCDEF', 'chrome-extension://abcdef'],
  ])('allowedOrigins: %j is the origin %j', (written, origin) => {
    for (const option of [written, [written], [/never/g, written]])
      expect(isOriginAllowed(origin, undefined, resolveOrigins(option))).toBe(true)
  })

  it.each([
    ['https://a.example:443', 'https://a.example'],
    ['http://A.example:80', 'http://a.example'],
    ['file:///', 'file://'],
  ])('%j of a client that is no browser is %j', (sent, origin) => {
    expect(isOriginAllowed(sent, undefined, resolveOrigins(origin))).toBe(true)
    expect(isOriginAllowed(`${sent}0`, undefined, resolveOrigins(origin))).toBe(false)
  })

  it.each([
    ['*', /for all origins write true/],
    ['https://*.a.example', /regular expression, such as/],
    ['http://localhost:*', /regular expression, such as/],
    ['a.example', /starts with its scheme, such as 'https:\/\/a\.example'/],
    ['a.example:3000', /such as 'https:\/\/a\.example:3000'/],
    ['//a.example', /such as 'https:\/\/a\.example'/],
    ['', /such as 'https:\/\/app\.example'/],
    ['wss://a.example', /that of the page: 'https:\/\/a\.example'/],
    ['https://a.example/app', /a scheme, a host and a port: 'https:\/\/a\.example'/],
    ['https://a.example?x', /: 'https:\/\/a\.example'/],
    ['https://user@a.example', /: 'https:\/\/a\.example'/],
    ['file:///home/me/page.html', /a scheme, a host and a port: 'file:\/\/'/],
    ['https://', /such as 'https:\/\/app\.example'/],
  ])('allowedOrigins: %j could never match, and is refused', (written, cure) => {
    for (const [option, name] of [
      [written, 'allowedOrigins'],
      [[/a/, written], 'allowedOrigins[1]'],
    ] as const) {
      const resolve = () => resolveOrigins(option)
      expect(resolve).toThrow(expect.objectContaining({ code: 'ERR_OPTION' }))
      expect(resolve).toThrow(`option "${name}" is ${JSON.stringify(written)}; `)
      expect(resolve).toThrow(cure)
    }
  })
})
