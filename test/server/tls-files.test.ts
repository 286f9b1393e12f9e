import { generateKeyPairSync } from 'node:crypto'
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, describe, expect, test } from 'vitest'
import { createServer } from '../../src/index.ts'
import { createCertificate } from '../cli/certificate.ts'
import { NETWORK_RUNTIMES } from '../contract/runtimes.ts'
import { connectWs } from '../support/client.ts'
import { LOOPBACK } from '../support/loopback.ts'

const folder = mkdtempSync(join(tmpdir(), 'sidewire-tls-'))
afterAll(() => rmSync(folder, { recursive: true, force: true }))

function file(name: string, content: string | Buffer): string {
  writeFileSync(join(folder, name), content)
  return join(folder, name)
}

const pem = { type: 'pkcs8', format: 'pem' } as const
const { cert, key } = createCertificate()
const good = { cert: file('good.crt', cert), key: file('good.key', key) }
const rsa = generateKeyPairSync('rsa', { modulusLength: 2048 }).privateKey
const MARK = Buffer.from([0xef, 0xbb, 0xbf])
const der = Buffer.from(cert.split('\n').slice(1, -2).join(''), 'base64')
mkdirSync(join(folder, 'folder'))

// What is wrong, which of the files, and what is said of it.
const BAD: readonly [string, 'cert' | 'key', string, RegExp][] = [
  [
    'a key of another certificate',
    'key',
    file('other.key', createCertificate().key),
    /does not belong to the certificate in .*good\.crt/,
  ],
  [
    'a key of another kind',
    'key',
    file('rsa.key', rsa.export(pem)),
    /does not belong to the certificate in .*good\.crt/,
  ],
  [
    'a chain in the wrong order',
    'cert',
    file('chain.crt', createCertificate().cert + cert),
    /does not belong .*own comes first/,
  ],
  [
    'a byte order mark before the certificate',
    'cert',
    file('mark.crt', Buffer.concat([MARK, Buffer.from(cert)])),
    /byte order mark/,
  ],
  [
    'a byte order mark before the key',
    'key',
    file('mark.key', Buffer.concat([MARK, Buffer.from(key)])),
    /byte order mark/,
  ],
  [
    'a certificate in UTF-16',
    'cert',
    file('utf16.crt', Buffer.from(`\ufeff${cert}`, 'utf16le')),
    /byte order mark/,
  ],
  ['a certificate in DER', 'cert', file('der.crt', der), /has to be a PEM file/],
  ['an empty key', 'key', file('empty.key', ''), /has to be a PEM file/],
  [
    'an encrypted key',
    'key',
    file('secret.key', rsa.export({ ...pem, cipher: 'aes-128-cbc', passphrase: 'secret' })),
    /is encrypted/,
  ],
  ['a key for a certificate', 'cert', good.key, /no PEM certificate in it/],
  ['a certificate for a key', 'key', good.cert, /no PEM private key in it/],
  ['a folder', 'cert', join(folder, 'folder'), /EISDIR/],
  ['no file', 'key', join(folder, 'none.key'), /there is no such file/],
]

describe.each(NETWORK_RUNTIMES)('TLS on %s', (runtime) => {
  test.each(BAD)('%s is ERR_TLS at the start, and names the file', async (_what, option, path, why) => {
    const tls = { ...good, [option]: path }
    const failed = createServer({ runtime, port: 0, logLevel: 'silent', tls })
    await expect(failed).rejects.toMatchObject({ code: 'ERR_TLS', message: expect.stringMatching(why) })
    await expect(failed).rejects.toThrow(path)
  })

  test.each([
    ['CRLF at the ends of lines', good.cert, file('crlf.key', key.replaceAll('\n', '\r\n'))],
    ['both in one file', file('both.pem', key + cert), join(folder, 'both.pem')],
    ['a chain', file('chain.pem', cert + createCertificate().cert), good.key],
  ])('%s is fine', async (_what, certPath, keyPath) => {
    const server = await createServer({
      runtime,
      port: 0,
      logLevel: 'silent',
      tls: { cert: certPath, key: keyPath },
      wsHandlers: [{ pattern: '/a' }],
    })
    expect(server.url).toMatch(/^wss:/)
    for (const host of LOOPBACK) (await connectWs(`wss://${host}:${server.port}/api/a`)).close()
    await server.close()
  })
})
