import type { JSX } from 'preact'
import { whole } from './format.ts'
import type { Kind } from './lines.ts'
import { RecordButton, RecordState } from './record.tsx'
import { download } from './download.ts'
import {
  clear,
  filter,
  filterTrouble,
  isPaused,
  lines,
  missed,
  selection,
  setFilter,
  shownLines,
} from './store.ts'

const KINDS: readonly (readonly [Kind, string])[] = [
  ['message', 'Messages'],
  ['connection', 'Connections'],
  ['room', 'Rooms'],
  ['error', 'Errors'],
  ['control', 'Pings'],
]

/** Where there is no room they fold. */
const IS_WIDE = matchMedia('(min-width: 900px)').matches

/** What of the timeline is shown. */
export function Toolbar(): JSX.Element {
  const { text, isRegex, direction, kinds } = filter.value
  const shown = shownLines.value
  return (
    <div class="toolbar" role="search" aria-label="Filter">
      <p class="title" title={titleOf()}>
        {titleOf()}
      </p>
      <label class="text">
        <span class="hidden">Text</span>
        <input
          id="filter-text"
          type="search"
          placeholder="Filter by text ( / )"
          spellcheck={false}
          value={text}
          aria-invalid={filterTrouble.value !== undefined}
          aria-describedby="filter-trouble"
          onInput={(event) => setFilter({ text: event.currentTarget.value })}
        />
      </label>
      <details class="kinds" open={IS_WIDE}>
        <summary>What is shown</summary>
        <label class="check">
          <input
            type="checkbox"
            checked={isRegex}
            onChange={(event) => setFilter({ isRegex: event.currentTarget.checked })}
          />
          Regular expression
        </label>
        <label>
          <span class="hidden">Direction</span>
          <select
            value={direction}
            onChange={(event) => setFilter({ direction: event.currentTarget.value as typeof direction })}
          >
            <option value="both">Both directions</option>
            <option value="in">From clients</option>
            <option value="out">To clients</option>
          </select>
        </label>
        <fieldset>
          <legend class="hidden">Kinds</legend>
          {KINDS.map(([kind, label]) => (
            <label class="check">
              <input
                type="checkbox"
                checked={kinds.has(kind)}
                onChange={(event) => {
                  const next = new Set(kinds)
                  if (event.currentTarget.checked) next.add(kind)
                  else next.delete(kind)
                  setFilter({ kinds: next })
                }}
              />
              {label}
            </label>
          ))}
        </fieldset>
      </details>
      <div class="acts">
        <button
          type="button"
          aria-pressed={isPaused.value}
          aria-keyshortcuts="p"
          onClick={() => (isPaused.value = !isPaused.value)}
        >
          {isPaused.value ? `Go on (${whole(missed.value)} new)` : 'Pause'}
        </button>
        <button type="button" aria-keyshortcuts="c" onClick={clear}>
          Clear
        </button>
        <button type="button" onClick={() => void download(shown, onlyOf())} disabled={shown.length === 0}>
          Download
        </button>
        <RecordButton />
        <p class="count" aria-live="polite">
          {whole(shown.length)} of {whole(lines.length)} lines
          {lines.dropped > 0 && `, ${whole(lines.dropped)} older ones dropped`}
        </p>
      </div>
      <RecordState />
      <p id="filter-trouble" class="trouble" role="alert">
        {filterTrouble.value}
      </p>
    </div>
  )
}

function onlyOf(): number | undefined {
  const of = selection.value
  return of.kind === 'connection' ? of.conn : undefined
}

function titleOf(): string {
  const of = selection.value
  if (of.kind === 'all') return 'Everything'
  if (of.kind === 'refused') return 'Refused handshakes'
  if (of.kind === 'handler') return of.pattern
  if (of.kind === 'room') return `Room ${of.room} of ${of.pattern}`
  return `#${of.conn} ${of.path}`
}
