import { NETWORK_RUNTIMES } from '../contract/runtimes.ts'
import { ask } from './notation.ts'
import { startStraight } from './straight.ts'
import { WireClient } from './wire-client.ts'

/** What builds of uWebSockets.js do differently with a request: see the notes of the same names. */
export interface UwsHttp {
  /** REQUEST_LINE: refuses one that comes in two segments. */
  readonly refusesSplitLine: boolean
  /** MUTE: waits for more behind most heads that are malformed. */
  readonly waitsBehindMalformed: boolean
}

/** Of the build that sidewire brings, and docs/conformance.md is about. */
export const PINNED: UwsHttp = { refusesSplitLine: true, waitsBehindMalformed: true }

/**
 * Asked of the module, without a line of ours, as {@link tabsHideUpgrades} is of Node: no build tells its version, and
 * the package that it comes in may have one of its own. The requests are none of the table.
 */
async function probe(): Promise<UwsHttp> {
  if (!NETWORK_RUNTIMES.includes('uws')) return PINNED
  const server = await startStraight('uws')
  try {
    const line = ask({}, '/small').bytes
    const inVersion = line.indexOf('HTTP/1.1') + 3
    return {
      refusesSplitLine:
        (await statusOf(server.port, line.subarray(0, inVersion), line.subarray(inVersion))) !== 101,
      waitsBehindMalformed: (await statusOf(server.port, ask({ 'X@Y': 'z' }).bytes)) === undefined,
    }
  } finally {
    await server.close()
  }
}

/** `undefined` where nothing is answered to a client that has nothing more to say. */
async function statusOf(port: number, ...segments: readonly Buffer[]): Promise<number | undefined> {
  const client = new WireClient(port)
  try {
    for (const segment of segments) await client.write(segment)
    client.end()
    await client.until(() => client.seen.length > 0)
    const [first] = client.seen
    return first?.kind === 'response' ? first.status : undefined
  } finally {
    client.destroy()
  }
}

export const uwsHttp: UwsHttp = await probe()
