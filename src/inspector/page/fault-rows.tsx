import { useSignal } from '@preact/signals'
import type { JSX } from 'preact'
import type { FaultLine, FaultList } from '../faults.ts'
import { countsInWords, faultsInWords } from './fault-words.ts'
import { lift } from './fault-form.tsx'
import { whole } from './format.ts'
import { lines, readOnly } from './store.ts'

const BY: Readonly<Record<FaultLine['by'], string>> = {
  handler: 'by the handler itself',
  code: 'by setFaults, in its process',
  control: 'from outside: this page, the command line, HTTP',
}

/** What is on, those first that count before others. */
export function FaultRows({ list: { rows, found } }: { list: FaultList }): JSX.Element {
  if (found === 0) return <p class="hint">No faults are on.</p>
  // What a connection has of its own counts before all others.
  const isOwn = ({ connection }: FaultLine): boolean => connection !== undefined
  const sorted = [...rows.filter(isOwn), ...rows.filter((row) => !isOwn(row))]
  return (
    <>
      <ul class="fault-rows" aria-label="Faults that are on">
        {sorted.map((row, index) => (
          <FaultRowView key={`${row.connection ?? row.pattern} ${row.by} ${index}`} row={row} />
        ))}
      </ul>
      {found > rows.length && <p class="hint">{whole(found - rows.length)} more are on.</p>}
      {found > 1 && <p class="hint">For each connection the first that is for it counts, alone.</p>}
    </>
  )
}

function FaultRowView({ row }: { row: FaultLine }): JSX.Element {
  const { pattern, connection, faults, seed, counts, by, until } = row
  const whose = whoseOf(row)
  const happened = countsInWords(counts)
  const said = useSignal('')
  return (
    <li>
      <p>
        <strong>{whose}</strong> {faultsInWords(faults)}
      </p>
      <p class="counts">{happened === '' ? 'Nothing has happened yet.' : `So far ${happened}.`}</p>
      <p class="facts">
        {BY[by]}
        {until !== undefined && `, until ${new Date(until).toLocaleTimeString()}`}
      </p>
      <div class="acts">
        <span class="seed">
          seed <code>{seed}</code>
        </span>
        <button
          type="button"
          aria-label={`Copy the seed of ${whose}`}
          onClick={() => {
            void navigator.clipboard.writeText(String(seed)).then(
              () => (said.value = 'copied'),
              () => (said.value = 'the browser does not let it be copied'),
            )
          }}
        >
          Copy
        </button>
        {by === 'control' && !readOnly.value && (
          <button
            type="button"
            aria-label={`Lift the faults of ${whose}`}
            onClick={() => {
              lift(connection === undefined ? { pattern } : { connection }).catch(
                (error: Error) => (said.value = error.message),
              )
            }}
          >
            Lift
          </button>
        )}
        <span role="status">{said.value}</span>
      </div>
    </li>
  )
}

function whoseOf({ pattern, connection, conn }: FaultLine): string {
  if (connection !== undefined) return conn === undefined ? connection : `#${lines.fromServer(conn)}`
  return pattern === '*' ? 'All handlers' : pattern
}
