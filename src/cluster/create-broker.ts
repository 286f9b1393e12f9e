import type { Broker, BrokerOptions } from '../engine/broker.ts'
import { SidewireError } from '../engine/errors.ts'

/** Placeholder until the brokers are merged. */
export async function createBroker(options: Pick<BrokerOptions, 'url' | 'prefix' | 'tls'>): Promise<Broker> {
  throw new SidewireError('ERR_OPTION', `no broker for ${options.url.length} characters`)
}
