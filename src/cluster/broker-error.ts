import { SidewireError } from '../engine/errors.ts'

/** Why a broker is away, in words that name no user, no password and no token. */
export class BrokerError extends SidewireError {
  /** It said no: to ask again at once would bring the same answer. */
  readonly isRefusal: boolean

  constructor(
    message: string,
    { isRefusal = false, ...options }: ErrorOptions & { isRefusal?: boolean } = {},
  ) {
    super('ERR_BROKER', message, options)
    this.isRefusal = isRefusal
  }
}

/** OpenSSL's names for a certificate whose signer nobody here knows; Bun has the same. */
const UNKNOWN_SIGNERS = new Set([
  'DEPTH_ZERO_SELF_SIGNED_CERT',
  'SELF_SIGNED_CERT_IN_CHAIN',
  'UNABLE_TO_GET_ISSUER_CERT',
  'UNABLE_TO_GET_ISSUER_CERT_LOCALLY',
  'UNABLE_TO_VERIFY_LEAF_SIGNATURE',
])

/** What the system, or TLS, said; the original is not kept as the cause, for it may hold the options of a library. */
export function networkError(error: NodeJS.ErrnoException | undefined, where: string): BrokerError {
  if (error instanceof BrokerError) return error
  const code = error?.code ?? ''
  const message = error?.message ?? ''
  if (UNKNOWN_SIGNERS.has(code))
    return new BrokerError(
      `the certificate of ${where} is not trusted (${message}): name who has signed it in "broker.tls.ca"`,
      { isRefusal: true },
    )
  // Of several addresses none has answered, and then the error itself says nothing (nodejs/node#47822).
  const of = error instanceof AggregateError ? (error.errors as Error[]) : []
  const what =
    [message, ...of.map((each) => each.message)].find(Boolean) ?? (code || 'the connection has ended')
  return new BrokerError(`no connection to ${where}: ${what}`)
}

/** What a server has said, for people: in one short line, and with none of the secrets in it. */
export function quoted(text: string, secrets: readonly (string | undefined)[]): string {
  const line = text.replace(/[^\x20-\x7e]+/g, ' ').slice(0, 200)
  return secrets.reduce<string>((shown, secret) => (secret ? shown.replaceAll(secret, '***') : shown), line)
}
