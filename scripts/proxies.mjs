// Finds nginx and HAProxy for the tests of docs/guide/behind-a-proxy.md; run as a program, it makes sure that they are here.
import { pathToFileURL } from 'node:url'
import { unpacked } from './unpacked.mjs'

const proxies = unpacked({
  title: 'proxies',
  programs: { nginx: '-v', haproxy: '-v' },
  size: 'about 3 MB to download, 7 MB on disk',
  how: 'install nginx and HAProxy, or put both on PATH',
})

export const findProxy = proxies.find

if (process.argv[1] && import.meta.url === pathToFileURL(process.argv[1]).href) proxies.ensure()
