import { SidewireError } from '../engine/errors.ts'
import { redactUrl } from './redact-url.ts'

/** `scheme://user:password@rest`, as every broker's URL has it; each part is without its percent-encoding. */
export interface UrlParts {
  readonly scheme: string
  /** As it stands there: `undefined` without an `@`. */
  readonly user: string | undefined
  /** `undefined` without a colon. */
  readonly password: string | undefined
  /** `host:port`, several of them with commas, '' for a path. */
  readonly hosts: readonly Host[]
  readonly path: string
  readonly query: URLSearchParams
}

export interface Host {
  /** Without the brackets of IPv6. */
  readonly host: string
  readonly port: number
  /** `host:port`, with them. */
  readonly text: string
}

const URL_FORM = /^([a-z+]+):\/\/(?:([^@/]*)@)?([^/?#@]*)((?:\/[^?#@]*)?)(?:\?([^#@]*))?$/
const HOST_FORM = /^(\[[0-9a-fA-F:.]+\]|[\w.-]+)(?::(\d{1,5}))?$/

/** @throws `ERR_OPTION` */
export function urlParts(url: string, defaultPort: number): UrlParts {
  const found = URL_FORM.exec(url)
  if (!found) throw urlError(url, 'write @ : / ? # and % of a user or password percent-encoded: %40 for @')
  const [, scheme = '', auth, hosts = '', path = '', query = ''] = found
  const [user, ...password] = auth?.split(':') ?? []
  try {
    return {
      scheme,
      user: user === undefined ? undefined : decodeURIComponent(user),
      password: password.length === 0 ? undefined : decodeURIComponent(password.join(':')),
      hosts: hosts === '' ? [] : hosts.split(',').map((host) => hostOf(url, host, defaultPort)),
      path: decodeURIComponent(path),
      query: new URLSearchParams(query),
    }
  } catch (thrown) {
    if (thrown instanceof SidewireError) throw thrown
    // The error of the platform would show what could not be decoded.
    throw urlError(url, 'a % in it has to be written as %25')
  }
}

/** @param cure - what to write instead */
export function urlError(url: string, cure: string): SidewireError {
  return new SidewireError('ERR_OPTION', `option "broker.url" is "${redactUrl(url)}": ${cure}`)
}

function hostOf(url: string, text: string, defaultPort: number): Host {
  const [, host, port = String(defaultPort)] = HOST_FORM.exec(text) ?? []
  if (host === undefined || Number(port) < 1 || Number(port) > 65_535)
    throw urlError(url, 'behind :// and an @ it has a host, and a port from 1 to 65535: host:6379')
  return { host: host.replace(/^\[|\]$/g, ''), port: Number(port), text: `${host}:${port}` }
}
