import { expect, test } from 'vitest'
import { here, howToGetUws, type Place } from '../../src/runtime/node/how-to-get-uws.ts'

const debian12: Place = { platform: 'linux', arch: 'x64', node: 24, glibc: '2.36', npm: 11 }
const debian13: Place = { ...debian12, glibc: '2.41' }

test.each<[title: string, place: Place, says: string]>([
  [
    'a Node that only newer builds are for, on a system with an older glibc',
    debian12,
    'with glibc 2.36, which this system has, Node 22 loads it; for newer ones it needs 2.38 (Debian 13, Ubuntu 24.04)',
  ],
  ['npm 11', debian13, 'npm install uNetworking/uWebSockets.js#v20.67.0 brings the official build'],
  [
    'npm 12, which refuses packages from repositories',
    { ...debian13, npm: 12 },
    'npm install --allow-git=root uNetworking/uWebSockets.js#v20.67.0 brings the official build',
  ],
  [
    'an npm that is not known',
    { ...debian13, npm: undefined },
    'npm install uNetworking/uWebSockets.js#v20.67.0 brings the official build (npm 12 and newer: with --allow-git=root)',
  ],
  [
    'macOS',
    { ...debian13, platform: 'darwin', arch: 'arm64', glibc: undefined },
    'npm install uNetworking/uWebSockets.js#v20.67.0 brings the official build',
  ],
  ['a Node that no build is for', { ...debian13, node: 25 }, 'it has builds for Node 22, 24, 26, not for 25'],
  [
    'Alpine',
    { ...debian12, glibc: undefined },
    "its builds need glibc, which Debian and Ubuntu have and Alpine has not; runtime: 'ws' asks for it without this line",
  ],
  [
    'a glibc that is too old for all',
    { ...debian12, node: 20, glibc: '2.17' },
    "its builds need glibc 2.27 or newer, and this is 2.17; runtime: 'ws' asks for it without this line",
  ],
  [
    'a machine that no build is for',
    { ...debian12, arch: 'riscv64' },
    "it has no build for linux-riscv64; runtime: 'ws' asks for it without this line",
  ],
  [
    'a Node that ours is for',
    { ...debian12, node: 22 },
    'it has a build for this machine, and the file is missing or damaged: remove node_modules and install again',
  ],
])('%s', (_title, place, says) => {
  expect(howToGetUws(place)).toBe(says)
})

test('it knows this machine', () => {
  const { platform, arch, node, glibc } = here()
  expect({ platform, arch }).toEqual({ platform: process.platform, arch: process.arch })
  expect(node).toBeGreaterThanOrEqual(20)
  if (platform === 'linux') expect(glibc).toMatch(/^2\.\d+$/)
})
