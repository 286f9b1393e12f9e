// Whether a run passes. What each of the limits leaves room for is measured: see the comments.

/**
 * Bytes of JavaScript heap and of what hangs on it, above the baseline. It moved by 0.2 MB at most in 20 minutes on Node,
 * and by as much as 1.3 MB within 20 s inside Bun, whose collector keeps what it takes for a pointer.
 */
const HEAP_ROOM = 2 * 1024 * 1024
/**
 * Bytes resident. Allocators keep what they once had: from round to round it went up and down by as much as 9 MB, inside
 * Bun most of all. The table over time shows what is a leak and what is not.
 */
const RESIDENT_ROOM = 32 * 1024 * 1024
/** A server between has the floods of the stalled readers in its hands, 64 KB at a time: by as much as 35 MB, up and down. */
const FRONT_RESIDENT_ROOM = 64 * 1024 * 1024

/** @returns what is wrong, nothing if it passes */
export function judge(runtime, rounds) {
  const failures = []
  const expect = (holds, text) => {
    if (!holds) failures.push(text)
  }
  for (const [index, { clients, rest, front }] of rounds.entries()) {
    const round = index === 0 ? 'the warm-up' : `round ${index}`
    for (const kind of ['lost', 'duplicated', 'disordered', 'strayed', 'corrupted', 'dropped'])
      expect(clients[kind] === 0, `${round}: ${clients[kind]} ${kind}`)
    for (const note of clients.notes) failures.push(`${round}: ${note}`)
    expect(clients.delivered > 0 && clients.sent > 0, `${round}: no messages`)
    failures.push(...leftOvers(rest, round))
    if (front) failures.push(...leftOvers(front, `${round}, in front`))
    expect(
      rest.streams === 0,
      `${round}: members are left in ${rest.streams} rooms that onClose was not called for`,
    )
  }
  const [first] = rounds
  const last = rounds.at(-1)
  if (!first || !last) return failures
  expect(last.rest.inboundLost === 0, `${last.rest.inboundLost} messages to the server were lost`)
  expect(
    last.rest.inboundDuplicated === 0,
    `${last.rest.inboundDuplicated} messages to the server came twice`,
  )
  const stalls = rounds.reduce((sum, { clients }) => sum + (clients.faults.stall ?? 0), 0)
  const terminated = last.rest.stats.terminatedForBackpressure
  expect(terminated === stalls, `${stalls} clients stalled, ${terminated} were terminated for it`)

  failures.push(...growth(rounds.map(({ rest }) => rest)))
  const fronts = rounds.flatMap(({ front }) => front ?? [])
  failures.push(...growth(fronts, FRONT_RESIDENT_ROOM).map((text) => `in front: ${text}`))
  return [...new Set(failures)].map((text) => `${runtime}: ${text}`)
}

/** What a server has when all clients have left it. */
function leftOvers({ stats, holdings }, round) {
  const failures = []
  const byCode = Object.values(stats.closedByCode).reduce((sum, count) => sum + count, 0)
  if (stats.connections > 0) failures.push(`${round}: ${stats.connections} connections are left`)
  if (stats.opened !== stats.closed) failures.push(`${round}: ${stats.opened} opened, ${stats.closed} closed`)
  if (byCode !== stats.closed) failures.push(`${round}: ${stats.closed} closed, ${byCode} by code`)
  for (const [what, count] of Object.entries(holdings))
    if (count > 0) failures.push(`${round}: ${count} ${what} are left`)
  return failures
}

/** What it has more of than after the warm-up, and what went wrong in it. */
function growth(rests, residentRoom = RESIDENT_ROOM) {
  const [first] = rests
  const last = rests.at(-1)
  if (!first || !last) return []
  const failures = [...last.errors]
  if (last.stats.handlerErrors > 0) failures.push(`${last.stats.handlerErrors} hooks threw`)
  for (const { files, resources } of rests.slice(1)) {
    if (files !== first.files) failures.push(`${first.files} open files became ${files}`)
    const [before, after] = [JSON.stringify(first.resources), JSON.stringify(resources)]
    if (before !== after) failures.push(`handles and timers ${before} became ${after}`)
  }
  const grown = last.memory.heap - first.memory.heap
  if (grown > HEAP_ROOM) failures.push(`the heap grew by ${grown} bytes`)
  const resident = last.memory.rss - first.memory.rss
  if (resident > residentRoom) failures.push(`the resident set grew by ${resident} bytes`)
  return failures
}
