import { readFileSync } from 'node:fs'
import { createSecureContext } from 'node:tls'
import { SidewireError } from '../engine/errors.ts'
import type { TlsFiles } from '../engine/runtime.ts'

/** Why listening failed, with its cure, from the error of whichever platform. */
export function listenError(cause: unknown, host: string, port: number): SidewireError {
  const code = (cause as { code?: unknown } | undefined)?.code
  return new SidewireError('ERR_LISTEN', `cannot listen on ${host}:${port}: ${explain(code, cause)}`, {
    cause,
  })
}

function explain(code: unknown, cause: unknown): string {
  switch (code) {
    case 'EADDRINUSE':
      return 'the port is in use; stop the other server or choose another port (0 takes a free one)'
    case 'EACCES':
      return 'ports below 1024 need more rights; choose a higher one'
    case 'EINVAL': // Bun's, for a name that it cannot resolve, and
    case 'EAGAIN': // for one that no name server answers for just now
    case 'ENOTFOUND':
    case 'EAI_AGAIN':
      return 'the host name is unknown'
    case 'EADDRNOTAVAIL':
      return "this machine has no such address; use '127.0.0.1', or '0.0.0.0' for all of its addresses"
    default:
      return cause instanceof Error ? cause.message : String(cause)
  }
}

/**
 * The contents of the PEM files, checked the same way for every runtime: what a native one says of a bad file
 * helps nobody.
 * @throws `ERR_TLS`
 */
export function readTls(files: TlsFiles): { cert: Buffer; key: Buffer } {
  const cert = readPem('tls.cert', files.cert)
  const key = readPem('tls.key', files.key)
  try {
    createSecureContext({ cert, key })
  } catch (cause) {
    throw new SidewireError(
      'ERR_TLS',
      `options "tls.cert" and "tls.key" are "${files.cert}" and "${files.key}"; they have to be a PEM certificate ` +
        `and its unencrypted key: ${(cause as Error).message}`,
      { cause },
    )
  }
  return { cert, key }
}

function readPem(option: string, path: string): Buffer {
  try {
    return readFileSync(path)
  } catch (cause) {
    const { code, message } = cause as NodeJS.ErrnoException
    const why = code === 'ENOENT' ? 'there is no such file' : message
    throw new SidewireError('ERR_TLS', `option "${option}" is "${path}": ${why}`, { cause })
  }
}
