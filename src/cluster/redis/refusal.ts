import { BrokerError, quoted } from '../broker-error.ts'
import type { RedisAddress } from './address.ts'

const LOOK = 'look at user and password in the URL of "broker"'

/** What the error of a server means, without the name and the password that it may repeat. */
export function refusal(text: string, { name, channel, user, password }: RedisAddress): BrokerError {
  const [code = ''] = text.split(' ', 1)
  if (code === 'NOAUTH') return no(`${name} wants a password (NOAUTH): ${LOOK}`)
  // The second is Redis 7's and Valkey's for a password where there is none to give.
  if (code === 'WRONGPASS' || /^ERR (?:AUTH <password>|Client sent AUTH)/.test(text))
    return no(`${name} does not take the password (${code}): ${LOOK}`)
  if (code === 'NOPERM')
    return no(
      `${name} does not let this user publish and subscribe (NOPERM): its ACL has to allow +publish +subscribe +ping &${channel}`,
    )
  return new BrokerError(`${name} answers an error: ${quoted(text, [password, user])}`)
}

function no(message: string): BrokerError {
  return new BrokerError(message, { isRefusal: true })
}
