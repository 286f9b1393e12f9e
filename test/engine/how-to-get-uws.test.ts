import { readFileSync } from 'node:fs'
import { describe, expect, test } from 'vitest'
import { here, howToGetUws, type Place } from '../../src/runtime/node/how-to-get-uws.ts'

const debian13: Place = { platform: 'linux', arch: 'x64', node: 24, glibc: '2.41', npm: 11 }
const alpine: Place = { ...debian13, glibc: undefined }
const macOS: Place = { ...debian13, platform: 'darwin', arch: 'arm64', glibc: undefined }

const again =
  'it has a build for this machine, and the file is missing or damaged: remove node_modules and install again'
const repack =
  'npm install -E uWebSockets.js@npm:@btc-vision/uwebsockets.js@20.57.0 brings a build for this Node, an unofficial one like ours'
const official = 'npm install uNetworking/uWebSockets.js#v20.67.0 brings the official build'
const asks = "runtime: 'ws' asks for it without this line"
const noGlibc = `its builds need glibc, which Debian and Ubuntu have and Alpine has not; ${asks}`
const notFor = (node: number, builds: string): string =>
  `it has builds for Node ${builds} on this machine, not for ${node}`
const older = (has: string): string =>
  `with glibc ${has}, which this system has, Node 22 loads it; for newer ones it needs 2.38 (Debian 13, Ubuntu 24.04)`
const tooOld = (needs: string, has: string): string =>
  `its builds need glibc ${needs} or newer, and this is ${has}; ${asks}`
const noBuild = (machine: string): string => `it has no build for ${machine}; ${asks}`

const NODES = [20, 21, 22, 23, 24, 25, 26, 27]
/** What every system with all builds gets, Node by Node. */
const ALL = '20, 21, 22, 24, 25, 26'
const current = [again, again, again, notFor(23, ALL), repack, repack, official, notFor(27, ALL)]
/** One with ours only, and a glibc that the newer ones need more of. */
const old = (glibc: string): string[] => [
  again,
  again,
  again,
  notFor(23, '20, 21, 22'),
  ...[24, 25, 26].map(() => older(glibc)),
  notFor(27, '20, 21, 22'),
]
const onlyOurs = [again, again, again, ...NODES.slice(3).map((node) => notFor(node, '20, 21, 22'))]
const always = (line: string): string[] => NODES.map(() => line)

const SYSTEMS: [title: string, place: Place, says: string[]][] = [
  ['Debian 13', debian13, current],
  ['Debian 13 on arm64', { ...debian13, arch: 'arm64' }, current],
  ['the oldest glibc for newer builds', { ...debian13, glibc: '2.38' }, current],
  ['Debian 12', { ...debian13, glibc: '2.36' }, old('2.36')],
  ['Debian 12 on arm64', { ...debian13, arch: 'arm64', glibc: '2.36' }, old('2.36')],
  ['the oldest glibc for ours', { ...debian13, glibc: '2.27' }, old('2.27')],
  ['a glibc that is too old for all', { ...debian13, glibc: '2.17' }, always(tooOld('2.27', '2.17'))],
  ['32 bit', { ...debian13, arch: 'arm' }, onlyOurs],
  ['32 bit, too old', { ...debian13, arch: 'arm', glibc: '2.27' }, always(tooOld('2.28', '2.27'))],
  ['Alpine', alpine, always(noGlibc)],
  ['Alpine on arm64', { ...alpine, arch: 'arm64' }, always(noGlibc)],
  ['another processor', { ...debian13, arch: 'riscv64' }, always(noBuild('linux-riscv64'))],
  ['macOS', macOS, current],
  ['macOS on Intel', { ...macOS, arch: 'x64' }, current],
  ['Windows', { ...macOS, platform: 'win32', arch: 'x64' }, current],
  ['Windows on arm64', { ...macOS, platform: 'win32' }, always(noBuild('win32-arm64'))],
]

describe.each(SYSTEMS)('on %s', (_title, place, says) => {
  test.each(NODES.map((node, index): [number, string] => [node, says[index]!]))('Node %i', (node, line) => {
    expect(howToGetUws({ ...place, node })).toBe(line)
  })
})

test.each<[title: string, npm: number | undefined, says: string]>([
  ['npm 11', 11, official],
  [
    'npm 12, which refuses packages from repositories',
    12,
    'npm install --allow-git=root uNetworking/uWebSockets.js#v20.67.0 brings the official build',
  ],
  ['an npm that is not known', undefined, `${official} (npm 12 and newer: with --allow-git=root)`],
])('for the official build, %s', (_title, npm, says) => {
  expect(howToGetUws({ ...debian13, node: 26, npm })).toBe(says)
})

test('ours is for what the pinned package has binaries for', () => {
  const { files } = JSON.parse(
    readFileSync(new URL('../../scripts/uws-hashes.json', import.meta.url), 'utf8'),
  ) as { files: Record<string, string> }
  const abis: Readonly<Record<string, number>> = { 115: 20, 120: 21, 127: 22 }
  const binaries = Object.keys(files).flatMap((path) => {
    const [, platform, arch, abi] = /^dist\/bin\/uws_(\w+?)_(\w+?)_(\d+)\.node$/.exec(path) ?? []
    const node = abis[abi ?? '']
    return node === undefined ? [] : [`${platform}-${arch} ${node}`]
  })
  const ours = ['linux', 'darwin', 'win32'].flatMap((platform) =>
    ['x64', 'arm64', 'arm'].flatMap((arch) =>
      NODES.flatMap((node) => {
        const place: Place = { ...debian13, platform, arch, node }
        return howToGetUws(place) === again ? [`${platform}-${arch} ${node}`] : []
      }),
    ),
  )
  expect(ours.toSorted()).toEqual(binaries.toSorted())
})

test('it knows this machine', () => {
  const { platform, arch, node, glibc } = here()
  expect({ platform, arch }).toEqual({ platform: process.platform, arch: process.arch })
  expect(node).toBeGreaterThanOrEqual(20)
  if (platform === 'linux') expect(glibc).toMatch(/^2\.\d+$/)
})
