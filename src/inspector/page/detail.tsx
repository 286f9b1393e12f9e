import { useSignal } from '@preact/signals'
import type { JSX } from 'preact'
import { useEffect } from 'preact/hooks'
import { payload } from './api.ts'
import { bytes, closeCode, fromBase64, hex, took, whole } from './format.ts'
import { JsonView } from './json-view.tsx'
import { isExact, parse } from './json.ts'
import { kindOf, type Line } from './lines.ts'
import { chosen, draft, lines, pane, readOnly, selectOf, target } from './store.ts'
import { markOf, wordOf } from './words.ts'

interface Content {
  readonly text?: string
  readonly base64?: string
}

/** One line, whole. */
export function Detail({ line }: { line: Line }): JSX.Element {
  const whatIs = useSignal<Content>({})
  const isWhole = useSignal(false)
  const trouble = useSignal<string | undefined>(undefined)
  useEffect(() => {
    trouble.value = undefined
    whatIs.value = contentOf(line)
    isWhole.value = !line.isCut
    const n = lines.serverN(line)
    if (!line.isCut || n === undefined) return
    payload(n).then(
      (got) => {
        whatIs.value = got
        isWhole.value = true
      },
      (error: Error) => (trouble.value = error.message),
    )
  }, [line])
  const { text, base64 } = whatIs.value
  const hasContent = isWhole.value && (text !== undefined || base64 !== undefined)
  const canSend = hasContent && kindOf(line) === 'message' && !readOnly.value
  return (
    <section class="detail" aria-label="The chosen line">
      <header>
        <h2>
          {wordOf(line)} {line.conn !== undefined && `${line.type === 'broadcast' ? 'by ' : ''}#${line.conn}`}
        </h2>
        <div class="acts">
          {hasContent && (
            <button type="button" onClick={() => void navigator.clipboard.writeText(text ?? base64 ?? '')}>
              Copy
            </button>
          )}
          {canSend && (
            <button
              type="button"
              onClick={() => {
                draft.value = draftOf(whatIs.value)
                if (target.value === undefined) selectOf(line)
                pane.value = 'send'
                document.querySelector<HTMLElement>('#message')?.focus()
              }}
            >
              Edit and send
            </button>
          )}
          <button type="button" onClick={() => (chosen.value = undefined)}>
            Close
          </button>
        </div>
      </header>
      <dl>
        {factsOf(line).map(([name, value]) => (
          <div key={name}>
            <dt>{name}</dt>
            <dd>{value}</dd>
          </div>
        ))}
      </dl>
      {trouble.value !== undefined && <p class="trouble">Only the beginning is here: {trouble.value}</p>}
      {line.error !== undefined && <pre tabIndex={0}>{line.error}</pre>}
      {text !== undefined && <Text text={text} />}
      {base64 !== undefined && <pre tabIndex={0}>{hex(fromBase64(base64))}</pre>}
    </section>
  )
}

function Text({ text }: { text: string }): JSX.Element {
  const value = foldable(text)
  return value === undefined ? <pre tabIndex={0}>{text}</pre> : <JsonView value={value} />
}

/** `undefined`: it is no object and no list, which need no folding, or would not be shown as it is. */
function foldable(text: string): object | undefined {
  const value = parse(text)?.value
  return typeof value === 'object' && value !== null && isExact(text, value) ? value : undefined
}

function contentOf({ text, base64 }: Line): Content {
  return { ...(text !== undefined && { text }), ...(base64 !== undefined && { base64 }) }
}

function draftOf({ text, base64 }: Content): typeof draft.value {
  if (text === undefined) return { text: base64 ?? '', format: 'base64' }
  const value = foldable(text)
  if (value !== undefined) return { text: JSON.stringify(value, null, 2), format: 'json' }
  return { text, format: parse(text) ? 'json' : 'text' }
}

function factsOf(line: Line): (readonly [string, string])[] {
  const facts: (readonly [string, string | undefined])[] = [
    ['At', new Date(line.at).toISOString()],
    ['Handler', line.pattern],
    ['Path', line.path],
    ['Rooms', line.rooms?.join(', ') ?? line.room],
    ['Size', line.bytes === undefined ? undefined : `${bytes(line.bytes)} (${whole(line.bytes)} bytes)`],
    ['Receivers', line.receivers === undefined ? undefined : whole(line.receivers)],
    ['Message', line.fault && line.message ? `number ${whole(line.message)} since they are on` : undefined],
    ['Faults', markOf(line)],
    ['Status', line.status === undefined ? undefined : String(line.status)],
    ['Close code', line.code === undefined ? undefined : closeCode(line.code)],
    ['Reason', line.reason],
    ['Page', line.origin],
    ['From', line.code === 1006 ? undefined : line.from],
    ['Taken by', line.by],
    ['Nearest rule', line.nearest],
    ['Took', line.ms === undefined ? undefined : took(line.ms)],
    ['Hook', line.hook],
    ['What to do', line.cure],
  ]
  return facts.filter((fact): fact is readonly [string, string] => fact[1] !== undefined && fact[1] !== '')
}
