// The run as text and as Markdown.
import { availableParallelism, cpus, release, totalmem, type } from 'node:os'

const MB = 1024 * 1024
const number = (value) => Math.round(value).toLocaleString('en-US')
const megabytes = (bytes) => (bytes / MB).toFixed(1)
const sumOf = (rounds, name) => rounds.reduce((sum, { clients }) => sum + clients[name], 0)

/** The latest round, while a run goes on. */
export function lineOf(rounds) {
  const { at, clients, rest } = rounds.at(-1)
  const wrong = ['lost', 'duplicated', 'disordered', 'strayed', 'corrupted', 'dropped']
    .filter((kind) => clients[kind] > 0)
    .map((kind) => `${clients[kind]} ${kind}`)
  return (
    `  ${rounds.length === 1 ? 'warm-up' : `round ${rounds.length - 1}`} to ${number(at)} s: ` +
    `${number(clients.sent)} in, ${number(clients.delivered)} out, ${number(rest.stats.opened)} connections, ` +
    `heap ${megabytes(rest.memory.heap)} MB, resident ${megabytes(rest.memory.rss)} MB, ` +
    `${rest.files ?? '?'} files${wrong.length > 0 ? `; WRONG: ${wrong.join(', ')}` : ''}`
  )
}

function faultsOf(rounds) {
  const faults = {}
  for (const { clients } of rounds)
    for (const [kind, count] of Object.entries(clients.faults)) faults[kind] = (faults[kind] ?? 0) + count
  return faults
}

const FAULTS = {
  reloads: 'reloads',
  freezes: 'SIGSTOP and SIGCONT of clients',
  kills: 'SIGKILL of clients',
  junk: 'invalid frames',
  halfFrame: 'ends inside of a frame',
  reset: 'resets',
  resetHandshake: 'resets in the handshake',
  stall: 'readers over their limit',
  guest: 'clients of a handler that comes and goes',
}

function figuresOf({ server, rounds, seconds }) {
  const last = rounds.at(-1)?.rest
  const front = rounds.at(-1)?.front
  const [first] = rounds
  if (!last || !first) return []
  const clientCpu = rounds.reduce((sum, { clients }) => sum + clients.cpu.user + clients.cpu.system, 0)
  const { user, system } = last.cpu
  const share = (microseconds) => `${Math.round(microseconds / 1e4 / seconds)}%`
  const faults = faultsOf(rounds)
  return [
    ['runtime', `${server.description}, ${server.platform}`],
    ['duration', `${number(seconds)} s`],
    ['messages to the server', number(last.received)],
    ['messages from the server, checked', number(sumOf(rounds, 'delivered'))],
    ['connections opened', number(last.stats.opened)],
    [
      'closes by code',
      Object.entries(last.stats.closedByCode)
        .map(([code, n]) => `${code}: ${number(n)}`)
        .join(', '),
    ],
    ['pauses of slow readers', number(sumOf(rounds, 'pauses'))],
    ...Object.entries(FAULTS).map(([kind, text]) => [text, number(faults[kind] ?? 0)]),
    [
      'lost, duplicated, out of order',
      ['lost', 'duplicated', 'disordered'].map((name) => sumOf(rounds, name)).join(', '),
    ],
    [
      'heap after warm-up, at the end',
      `${megabytes(first.rest.memory.heap)} MB, ${megabytes(last.memory.heap)} MB`,
    ],
    [
      'resident after warm-up, at the end',
      `${megabytes(first.rest.memory.rss)} MB, ${megabytes(last.memory.rss)} MB`,
    ],
    [
      'scopes, rooms, unions, native topics at the end',
      ['scopes', 'rooms', 'unions', 'topics'].map((name) => last.holdings[name]).join(', '),
    ],
    [
      'open files after warm-up, at the end',
      `${first.rest.files ?? 'not told'}, ${last.files ?? 'not told'}`,
    ],
    [
      'handles and timers after warm-up, at the end',
      `${kinds(first.rest.resources)}; ${kinds(last.resources)}`,
    ],
    ...(front
      ? [
          [
            'in front: heap after warm-up, at the end',
            `${megabytes(first.front.memory.heap)} MB, ${megabytes(front.memory.heap)} MB`,
          ],
          [
            'in front: connections, to the server',
            `${number(front.stats.opened)}, ${front.holdings.upstreams} are left`,
          ],
          [
            'in front: closes by code',
            Object.entries(front.stats.closedByCode)
              .map(([code, n]) => `${code}: ${number(n)}`)
              .join(', '),
          ],
        ]
      : []),
    [
      'processor time of the server, of its clients',
      `${share(user + system)}, ${share(clientCpu)} of a core`,
    ],
  ]
}

function kinds(resources) {
  if (!resources) return 'not told'
  return Object.entries(resources)
    .map(([kind, count]) => `${count} ${kind}`)
    .join(', ')
}

export function asText(results) {
  const lines = results.flatMap((result) => [
    `${result.runtime}: ${result.failures.length === 0 ? 'passed' : 'FAILED'} (seed ${result.seed})`,
    ...figuresOf(result).map(([name, value]) => `  ${`${name}:`.padEnd(52)} ${value}`),
    ...result.failures.map((text) => `  ✗ ${text}`),
    '',
  ])
  return lines.join('\n')
}

export function asMarkdown(results, args) {
  const machine = `${cpus()[0]?.model.trim()}, ${availableParallelism()} cores, ${Math.round(totalmem() / MB / 1024)} GB, ${type()} ${release()}`
  const total = results.reduce((sum, { seconds }) => sum + seconds, 0)
  const columns = results.map(figuresOf)
  const names = columns[0]?.map(([name]) => name) ?? []
  return `# Soak run

Written by \`npm run soak -- ${args.join(' ')}\`, ${new Date().toISOString().slice(0, 16).replace('T', ' ')} UTC,
${number(total / 60)} minutes. ${machine}; clients on Node ${process.versions.node}.

A mixed load on each runtime: chat rooms, broadcasts to all, unions of rooms, compressed messages of up to 4 KB, text and
binary, connections that come and go, readers that pause, and the faults of the table. Server and clients are processes of
their own. Every room numbers its messages; the server tells a connection the number at each join and leave, in line with
the messages, so that each connection knows exactly what it has to get. A run passes only if

- no connection that stayed open lost a message, got one twice, out of order, with other contents, or from a room that it
  was not in, and none was closed that had done nothing wrong;
- after each round, when all clients have left, no connection, scope, room, union or native topic is there, and every
  \`onClose\` has been called;
- memory after a collection (heap within 2 MB, resident set within 32 MB: allocators keep what they once had), open files,
  and active handles and timers (Bun tells of none) end where they were after the warm-up.

|   | ${results.map(({ runtime }) => runtime).join(' | ')} |
| - | ${results.map(() => '-').join(' | ')} |
| result | ${results.map(({ failures }) => (failures.length === 0 ? 'passed' : `**failed**: ${failures.join('; ')}`)).join(' | ')} |
| seed, connections, actions a second | ${results.map(({ seed, load }) => `${seed}, ${load.connections}, ${load.rate}`).join(' | ')} |
${names.map((name, row) => `| ${name} | ${columns.map((column) => column[row]?.[1] ?? '').join(' | ')} |`).join('\n')}

## Over time

At the end of each round, all clients gone and collected; the first row of each is the warm-up.

| runtime | s | messages from the server | connections | heap, MB | resident, MB | files | topics |
| - | -: | -: | -: | -: | -: | -: | -: |
${results.flatMap(rowsOf).join('\n')}
`
}

function rowsOf({ runtime, rounds }) {
  let delivered = 0
  return rounds.map(({ at, clients, rest }) => {
    delivered += clients.delivered
    const cells = [
      runtime,
      number(at),
      number(delivered),
      number(rest.stats.opened),
      megabytes(rest.memory.heap),
      megabytes(rest.memory.rss),
      rest.files ?? '',
      rest.holdings.topics,
    ]
    return `| ${cells.join(' | ')} |`
  })
}
