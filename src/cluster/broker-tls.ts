import { createSecureContext } from 'node:tls'
import type { BrokerOptions } from '../engine/broker.ts'
import { SidewireError } from '../engine/errors.ts'
import { readPem } from '../runtime/tls-files.ts'

/** PEM: who has signed the broker's certificate, and our own. */
export interface BrokerTls {
  ca?: string
  cert?: string
  key?: string
}

/** @throws `ERR_TLS` naming the file */
export function readBrokerTls(files: NonNullable<BrokerOptions['tls']>): BrokerTls {
  const tls: BrokerTls = {}
  if (files.ca !== undefined) tls.ca = readPem('broker.tls.ca', files.ca).toString()
  if (files.cert !== undefined) tls.cert = readPem('broker.tls.cert', files.cert).toString()
  if (files.key !== undefined) tls.key = readPem('broker.tls.key', files.key).toString()
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
