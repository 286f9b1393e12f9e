import { SidewireError } from '../engine/errors.ts'

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
