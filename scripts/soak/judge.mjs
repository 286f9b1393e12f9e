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

/** @returns what is wrong, nothing if it passes */
export function judge(runtime, rounds) {
  const failures = []
  const expect = (holds, text) => {
    if (!holds) failures.push(text)
  }
  for (const [index, { clients, rest }] of rounds.entries()) {
    const round = index === 0 ? 'the warm-up' : `round ${index}`
    for (const kind of ['lost', 'duplicated', 'disordered', 'strayed', 'corrupted', 'dropped'])
      expect(clients[kind] === 0, `${round}: ${clients[kind]} ${kind}`)
    for (const note of clients.notes) failures.push(`${round}: ${note}`)
    expect(clients.delivered > 0 && clients.sent > 0, `${round}: no messages`)
    const { stats, holdings } = rest
    expect(stats.connections === 0, `${round}: ${stats.connections} connections are left`)
    expect(stats.opened === stats.closed, `${round}: ${stats.opened} opened, ${stats.closed} closed`)
    const byCode = Object.values(stats.closedByCode).reduce((sum, count) => sum + count, 0)
    expect(byCode === stats.closed, `${round}: ${stats.closed} closed, ${byCode} by code`)
    for (const [what, count] of Object.entries(holdings))
      expect(count === 0, `${round}: ${count} ${what} are left`)
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
  expect(last.rest.stats.handlerErrors === 0, `${last.rest.stats.handlerErrors} hooks threw`)
  for (const error of last.rest.errors) failures.push(error)
  const stalls = rounds.reduce((sum, { clients }) => sum + (clients.faults.stall ?? 0), 0)
  const terminated = last.rest.stats.terminatedForBackpressure
  expect(terminated === stalls, `${stalls} clients stalled, ${terminated} were terminated for it`)

  for (const { rest } of rounds.slice(1)) {
    expect(rest.files === first.rest.files, `${first.rest.files} open files became ${rest.files}`)
    const [before, after] = [JSON.stringify(first.rest.resources), JSON.stringify(rest.resources)]
    expect(before === after, `handles and timers ${before} became ${after}`)
  }
  const grown = last.rest.memory.heap - first.rest.memory.heap
  expect(grown <= HEAP_ROOM, `the heap grew by ${grown} bytes`)
  const resident = last.rest.memory.rss - first.rest.memory.rss
  expect(resident <= RESIDENT_ROOM, `the resident set grew by ${resident} bytes`)
  return [...new Set(failures)].map((text) => `${runtime}: ${text}`)
}
