import { networkInterfaces } from 'node:os'

const addresses = Object.values(networkInterfaces()).flatMap((list) => list ?? [])

/** The loopback addresses of this machine, as URLs have them. */
export const LOOPBACK: readonly string[] = addresses.some(({ address }) => address === '::1')
  ? ['127.0.0.1', '[::1]']
  : ['127.0.0.1']

if (LOOPBACK.length === 1)
  console.warn(
    'NOT PROVEN HERE: this machine has no ::1, so nothing shows that a server listens on it ' +
      '(Linux: sysctl -w net.ipv6.conf.lo.disable_ipv6=0)',
  )
