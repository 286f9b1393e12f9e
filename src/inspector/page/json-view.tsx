import { useSignal } from '@preact/signals'
import type { JSX } from 'preact'

/** What is open from the start. */
const OPEN_DEPTH = 2
/** Children that are shown, until more are asked for. */
const SOME = 100

/** JSON that folds; what is folded is not made. */
export function JsonView({ value }: { value: object }): JSX.Element {
  return (
    <div class="json" tabIndex={0} role="group" aria-label="JSON">
      <Node value={value} depth={0} />
    </div>
  )
}

function Node({ name, value, depth }: { name?: string; value: unknown; depth: number }): JSX.Element {
  const label = name === undefined ? null : <span class="key">{JSON.stringify(name)}: </span>
  if (typeof value === 'object' && value !== null)
    return <Folding label={label} value={value} depth={depth} />
  return (
    <div>
      {label}
      <span class={value === null ? 'null' : typeof value}>{JSON.stringify(value)}</span>
    </div>
  )
}

function Folding({
  label,
  value,
  depth,
}: {
  label: JSX.Element | null
  value: object
  depth: number
}): JSX.Element {
  const isOpen = useSignal(depth < OPEN_DEPTH)
  const limit = useSignal(SOME)
  const isList = Array.isArray(value)
  const entries = Object.entries(value)
  const [open, close] = isList ? ['[', ']'] : ['{', '}']
  if (entries.length === 0)
    return (
      <div>
        {label}
        {open}
        {close}
      </div>
    )
  return (
    <details open={isOpen.value} onToggle={(event) => (isOpen.value = event.currentTarget.open)}>
      <summary>
        {label}
        {open}
        {!isOpen.value && (
          <span class="folded">
            {' '}
            {entries.length} {isList ? 'items' : 'keys'} {close}
          </span>
        )}
      </summary>
      {isOpen.value && (
        <>
          <div class="children">
            {entries.slice(0, limit.value).map(([key, child]) => (
              <Node key={key} {...(isList ? {} : { name: key })} value={child} depth={depth + 1} />
            ))}
            {entries.length > limit.value && (
              <button type="button" onClick={() => (limit.value += SOME)}>
                {entries.length - limit.value} more
              </button>
            )}
          </div>
          <div>{close}</div>
        </>
      )}
    </details>
  )
}
