import { createPrivateKey, X509Certificate } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { createSecureContext } from 'node:tls'
import { SidewireError } from '../engine/errors.ts'
import type { TlsFiles } from '../engine/runtime.ts'

/**
 * The contents of the PEM files, checked the same way for every runtime: what a native one says of a bad file helps
 * nobody, and some start with it and then fail every client.
 * @throws `ERR_TLS`
 */
export function readTls(files: TlsFiles): { cert: Buffer; key: Buffer } {
  const cert = readPem('tls.cert', files.cert)
  const key = readPem('tls.key', files.key)
  if (/ENCRYPTED/.test(key.toString('latin1')))
    throw bad('tls.key', files.key, 'the key is encrypted, and nobody is here to ask for its passphrase')
  const certificate = parse('tls.cert', files.cert, 'certificate', () => new X509Certificate(cert))
  const privateKey = parse('tls.key', files.key, 'private key', () => createPrivateKey(key))
  // A context takes a certificate and a key of two kinds (RSA, EC), and then has none for any client.
  if (!certificate.checkPrivateKey(privateKey))
    throw bad(
      'tls.key',
      files.key,
      `the key does not belong to the certificate in "${files.cert}" (of a chain, the server's own comes first)`,
    )
  try {
    createSecureContext({ cert, key })
  } catch (cause) {
    throw bad('tls.cert', files.cert, `with the key in "${files.key}" it cannot be used`, cause)
  }
  return { cert, key }
}

/** For what only the runtime itself finds. */
export function tlsError(files: TlsFiles, cause: unknown): SidewireError {
  return bad('tls.cert', files.cert, `the runtime does not take it with the key in "${files.key}"`, cause)
}

/** @throws `ERR_TLS` naming the option and the file */
export function readPem(option: string, path: string): Buffer {
  let bytes: Buffer
  try {
    bytes = readFileSync(path)
  } catch (cause) {
    const { code, message } = cause as NodeJS.ErrnoException
    throw new SidewireError(
      'ERR_TLS',
      `option "${option}" is "${path}": ${code === 'ENOENT' ? 'there is no such file' : message}`,
      { cause },
    )
  }
  // UTF-8's and both of UTF-16; some parsers skip the first, and none reads the others.
  if (['efbbbf', 'fffe', 'feff'].some((mark) => bytes.toString('hex', 0, 3).startsWith(mark)))
    throw bad(option, path, 'the file starts with a byte order mark; save it as ASCII, or UTF-8 without one')
  if (!bytes.includes('-----BEGIN ')) throw bad(option, path, 'it has to be a PEM file')
  return bytes
}

function parse<T>(option: string, path: string, what: string, read: () => T): T {
  try {
    return read()
  } catch (cause) {
    throw bad(option, path, `there is no PEM ${what} in it`, cause)
  }
}

function bad(option: string, path: string, why: string, cause?: unknown): SidewireError {
  const detail = cause instanceof Error ? `: ${cause.message}` : ''
  return new SidewireError('ERR_TLS', `option "${option}" is "${path}": ${why}${detail}`, { cause })
}
