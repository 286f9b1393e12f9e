// docs/conformance.md, from the results of `npm run conformance`.

const VERDICTS = ['ok', 'informational', 'native', 'failed']
const NATIVE_NAMES = { uws: 'uWebSockets.js', ws: '`ws`', bun: '`Bun.serve`' }

export function render({ groups, notes, places, straight, versions }) {
  const cases = groups.flatMap((group) => group.cases)
  return `${[
    '# Conformance with RFC 6455 and RFC 7692',
    INTRO.replace('{cases}', String(cases.length)),
    '## Results',
    resultsTable(places),
    `${new Date().toISOString().slice(0, 10)}; ${versions.join(', ')}.`,
    '## Groups',
    groupsTable(groups, places),
    '## Notes',
    NOTES_INTRO,
    ...Object.entries(notes).map(([name, note]) => noteSection(name, note, places, straight)),
    '## Cases',
    ...groups.map((group) => caseSection(group, places)),
  ].join('\n\n')}\n`
}

const INTRO = `{cases} cases, each one line of data in [test/conformance/cases](../test/conformance/cases): what a client of raw TCP
bytes sends, and what has to come back on the wire, close codes included, before the connection lives on (a ping gets its
pong, a close frame its answer) or has ended. They run on every runtime, direct and through the Vite dev server:

\`\`\`sh
npm run conformance   # all of it on Node and inside Bun; writes this page
npm test              # the same cases, both ways, among the other tests
\`\`\`

| verdict         | means                                                                                                    |
| --------------- | -------------------------------------------------------------------------------------------------------- |
| \`ok\`            | came out as the RFC has it                                                                               |
| \`informational\` | came out otherwise, which the RFC's words allow: they are quoted                                         |
| \`native\`        | the runtime's own parser is at fault, and nothing above it sees the bytes: the same case, run against the runtime without a line of ours, comes out the same |
| \`failed\`        | anything else: an exception that no case needs any more, too                                             |

The exceptions are [data as well](../test/conformance/exceptions.ts). The groups are those that the Autobahn suite made
customary.`

const NOTES_INTRO =
  'What the names in the tables of cases stand for. Through Vite, its HTTP server reads the handshake.'

function resultsTable(places) {
  const rows = places.map(({ runtime, way, results }) => [runtime, way, ...counts(results)])
  return table(['runtime', 'way', ...VERDICTS], rows)
}

function groupsTable(groups, places) {
  const rows = groups.map(({ id, title, cases }) => {
    const ids = new Set(cases.map((one) => one.id))
    const cells = places.map(({ results }) => {
      const given = counts(results.filter((result) => ids.has(result.id)))
      return VERDICTS.flatMap((verdict, index) => (given[index] ? [`${given[index]} ${verdict}`] : [])).join(
        ', ',
      )
    })
    return [id, title, cases.length, ...cells]
  })
  return table(['', 'group', 'cases', ...columns(places)], rows)
}

function noteSection(name, { verdict, title, quotes = [], evidence, known, advice }, places, straight) {
  const lines = [`### ${name}`, `\`${verdict}\`: ${title}.`]
  const where = places.flatMap(({ runtime, way, results }) => {
    const count = results.filter((result) => result.note === name).length
    return count > 0 ? [`${runtime}, ${way}: ${count}`] : []
  })
  lines.push(`Cases: ${where.join('; ')}.`, ...quotes.map((quote) => `> ${quote}`))
  if (evidence) lines.push(`Evidence: ${evidence}. ${proof(name, places, straight)}`)
  if (verdict === 'native' && !known)
    lines.push('Found by this suite; not among the facts that the design of the runtimes started from.')
  if (advice) lines.push(`Advice: ${advice}.`)
  return lines.join('\n\n')
}

function proof(name, places, straight) {
  return places
    .filter(({ way, results }) => way === 'direct' && results.some((result) => result.note === name))
    .map(({ runtime, results }) => {
      const ids = results.filter((result) => result.note === name).map(({ id }) => id)
      const same = ids.filter((id) => straight[runtime].cases.includes(id))
      return `${same.length} of ${ids.length} come out the same on straight ${NATIVE_NAMES[runtime]}.`
    })
    .join(' ')
}

function caseSection({ id, title, cases }, places) {
  const rows = cases.map((one) => [
    one.id,
    one.title,
    one.rfc,
    ...places.map(({ results }) => {
      const { verdict, note } = results.find((result) => result.id === one.id)
      return note ? `${verdict} [${note}](#${note.toLowerCase()})` : verdict
    }),
  ])
  return `### ${id} ${title}\n\n${table(['case', 'the client sends', 'RFC', ...columns(places)], rows)}`
}

function columns(places) {
  return places.map(({ runtime, way }) => (way === 'vite' ? `${runtime}, Vite` : runtime))
}

function counts(results) {
  return VERDICTS.map((verdict) => results.filter((result) => result.verdict === verdict).length)
}

function table(head, rows) {
  return [head, head.map(() => '---'), ...rows].map((row) => `| ${row.join(' | ')} |`).join('\n')
}
