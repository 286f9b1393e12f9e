// Finds Redis and NATS for the tests of src/cluster; run as a program, it makes sure that they are here.
import { pathToFileURL } from 'node:url'
import { unpacked } from './unpacked.mjs'

const brokers = unpacked({
  title: 'brokers',
  programs: { 'redis-server': '--version', 'nats-server': '--version' },
  size: 'about 5 MB to download, 17 MB on disk',
  how: 'apt-get install --no-install-recommends redis-server nats-server, or put both on PATH',
})

export const findBroker = brokers.find

if (process.argv[1] && import.meta.url === pathToFileURL(process.argv[1]).href) brokers.ensure()
