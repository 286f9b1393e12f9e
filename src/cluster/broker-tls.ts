import { readFileSync } from 'node:fs'
import { createSecureContext } from 'node:tls'
import type { BrokerOptions } from '../engine/broker.ts'
import { SidewireError } from '../engine/errors.ts'

/** PEM: who has signed the broker's certificate, and our own. */
export interface BrokerTls {
  ca?: string
  cert?: string
  key?: string
}

/** @throws `ERR_TLS` naming the file */
export function readBrokerTls(files: NonNullable<BrokerOptions['tls']>): BrokerTls {
  const tls: BrokerTls = {}
  if (files.ca !== undefined) tls.ca = readPem('ca', files.ca)
  if (files.cert !== undefined) tls.cert = readPem('cert', files.cert)
  if (files.key !== undefined) tls.key = readPem('key', files.key)
  if ((files.cert === undefined) !== (files.key === undefined))
    throw new SidewireError(
      'ERR_TLS',
      `option "broker.tls" has only one of "cert" and "key": "${files.cert ?? files.key}" is of no use without the other`,
    )
  try {
    createSecureContext(tls)
  } catch (cause) {
    const { message } = cause as Error
    const paths = Object.values(files).join('", "')
    throw new SidewireError('ERR_TLS', `option "broker.tls" is "${paths}": ${message}`, { cause })
  }
  return tls
}

function readPem(name: keyof BrokerTls, path: string): string {
  let text: string
  try {
    text = readFileSync(path, 'utf8')
  } catch (cause) {
    const { code, message } = cause as NodeJS.ErrnoException
    const why = code === 'ENOENT' ? 'there is no such file' : message
    throw new SidewireError('ERR_TLS', `option "broker.tls.${name}" is "${path}": ${why}`, { cause })
  }
  if (!text.includes('-----BEGIN '))
    throw new SidewireError('ERR_TLS', `option "broker.tls.${name}" is "${path}": it has to be a PEM file`)
  return text
}
