import { expect, test } from 'vitest'
import { nearestName } from '../../src/engine/edit-distance.ts'

const KNOWN = ['port', 'host', 'heartbeat', 'wsHandlers', 'onPing', 'onPong', 'tls']

test.each([
  ['prot', 'port'],
  ['PORT', 'port'],
  ['hosts', 'host'],
  ['heartBeats', 'heartbeat'],
  ['handlers', 'wsHandlers'],
  ['onPoong', 'onPong'],
  ['tsl', undefined],
  ['tl', 'tls'],
  ['x', undefined],
  ['', undefined],
  ['nothingOfTheKind', undefined],
])('the name nearest to %j is %j', (name, nearest) => {
  expect(nearestName(name, KNOWN)).toBe(nearest)
})
