import { createBroker } from '../../src/cluster/create-broker.ts'
import { RedisServer } from '../support/redis-server.ts'
import { brokerContract, outageContract, type OutageLab } from './broker-contract.ts'

const subject = { name: 'Redis', start }

async function start(isAbsent = false): Promise<OutageLab> {
  const server = await RedisServer.start({ isAbsent })
  return Object.assign(server, { create: () => createBroker({ url: server.url }) })
}

brokerContract(subject)
outageContract(subject)
