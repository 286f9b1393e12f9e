import { createBroker } from '../../src/cluster/create-broker.ts'
import { NatsServer } from '../support/nats-server.ts'
import { brokerContract, outageContract, type OutageLab } from './broker-contract.ts'

const subject = { name: 'NATS', start }

async function start(isAbsent = false): Promise<OutageLab> {
  const server = await NatsServer.start({ isAbsent })
  return Object.assign(server, { create: () => createBroker({ url: server.url }) })
}

brokerContract(subject)
outageContract(subject)
