import { useSignal, useSignalEffect } from '@preact/signals'
import type { JSX } from 'preact'
import { disconnect, send, type Content } from './api.ts'
import { lookNow } from './feed.ts'
import { closeCode } from './format.ts'
import { isExact } from './json.ts'
import { draft, isGone, readOnly, selection, target } from './store.ts'

const LAST = 'sidewire.sent'
const MAX_LAST = 20
const MAX_REASON_BYTES = 123
const CODES = [1000, 1001, 1008, 1011, 1012, 1013, 4000, 4001]

/** A message, or an end, for what is selected. */
export function Composer(): JSX.Element {
  if (!readOnly.value) return <Forms />
  return (
    <section class="composer" aria-label="Send">
      <p class="hint">This inspector only looks (readOnly).</p>
    </section>
  )
}

function Forms(): JSX.Element {
  const { text, format } = draft.value
  const said = useSignal('')
  const last = useSignal<readonly string[]>(readLast())
  const trouble = troubleOf(text, format)
  const to = target.value
  const whom = whomOf()
  // What was said is of another.
  useSignalEffect(() => {
    void selection.value
    said.value = ''
  })

  const submit = (event: Event): void => {
    event.preventDefault()
    if (!to || trouble !== undefined) return
    send(to, contentOf(text, format)).then(
      ({ receivers }) => {
        said.value = `Sent to ${receivers} ${receivers === 1 ? 'connection' : 'connections'}.`
        last.value = [text, ...last.value.filter((each) => each !== text)].slice(0, MAX_LAST)
        sessionStorage.setItem(LAST, JSON.stringify(last.value))
        lookNow()
      },
      (error: Error) => (said.value = error.message),
    )
  }
  return (
    <section class="composer" aria-label="Send">
      <h2>Send to {whom ?? '…'}</h2>
      {!to && (
        <p class="hint">
          {isGone.value ? 'This connection has ended.' : 'Choose a handler, a room or a connection.'}
        </p>
      )}
      <form onSubmit={submit}>
        <label for="format">As</label>
        <select
          id="format"
          value={format}
          onChange={(event) => (draft.value = { text, format: event.currentTarget.value as typeof format })}
        >
          <option value="json">JSON</option>
          <option value="text">text</option>
          <option value="base64">binary (Base64)</option>
        </select>
        <label for="message">Message</label>
        <textarea
          id="message"
          rows={5}
          spellcheck={false}
          value={text}
          aria-invalid={trouble !== undefined && text !== ''}
          aria-describedby="message-trouble"
          onInput={(event) => (draft.value = { text: event.currentTarget.value, format })}
          onKeyDown={(event) => {
            if (event.key === 'Enter' && (event.ctrlKey || event.metaKey)) submit(event)
          }}
        />
        <p id="message-trouble" class="trouble">
          {text === '' ? '' : trouble}
        </p>
        {last.value.length > 0 && (
          <>
            <label for="last">Sent before</label>
            <select
              id="last"
              value=""
              onChange={(event) => {
                const chosen = event.currentTarget.value
                event.currentTarget.value = ''
                if (chosen !== '') draft.value = { text: chosen, format }
              }}
            >
              <option value="">choose …</option>
              {last.value.map((each) => (
                <option value={each}>{each.slice(0, 60)}</option>
              ))}
            </select>
          </>
        )}
        <button type="submit" disabled={!to || trouble !== undefined}>
          Send
        </button>
      </form>
      <CloseForm whom={whom} tell={(news) => (said.value = news)} />
      <p class="said" role="status">
        {said.value}
      </p>
    </section>
  )
}

function CloseForm({ whom, tell }: { whom: string | undefined; tell: (text: string) => void }): JSX.Element {
  const to = target.value
  const code = useSignal('1000')
  const reason = useSignal('')
  const isTooLong = new TextEncoder().encode(reason.value).length > MAX_REASON_BYTES
  const isOne = selection.value.kind === 'connection'
  const end = (closing?: { code: number; reason: string }): void => {
    if (!to || (!isOne && !confirm(`${closing ? 'Close' : 'Cut'} ${whom}: every connection?`))) return
    disconnect(to, closing?.code, closing?.reason).then(
      ({ connections }) => {
        tell(
          `${closing ? 'Closed' : 'Cut'} ${connections} ${connections === 1 ? 'connection' : 'connections'}.`,
        )
        lookNow()
      },
      (error: Error) => tell(error.message),
    )
  }
  const isOff = !to || isTooLong
  return (
    <form
      class="end"
      aria-label="Close"
      onSubmit={(event) => {
        event.preventDefault()
        end({ code: Number(code.value), reason: reason.value })
      }}
    >
      <h2>Close {whom ?? '…'}</h2>
      <label for="code">Code</label>
      <input
        id="code"
        list="codes"
        inputMode="numeric"
        required
        pattern="[0-9]{4}"
        value={code.value}
        onInput={(event) => (code.value = event.currentTarget.value)}
      />
      <datalist id="codes">
        {CODES.map((each) => (
          <option value={each}>{closeCode(each)}</option>
        ))}
      </datalist>
      <label for="reason">Reason</label>
      <input
        id="reason"
        value={reason.value}
        onInput={(event) => (reason.value = event.currentTarget.value)}
      />
      {isTooLong && <p class="trouble">A reason has {MAX_REASON_BYTES} bytes at most (RFC 6455 5.5).</p>}
      <button type="submit" disabled={isOff}>
        Close
      </button>
      <button type="button" class="cut" disabled={!to} onClick={() => end()}>
        Cut, without a close frame
      </button>
    </form>
  )
}

function whomOf(): string | undefined {
  const of = selection.value
  if (of.kind === 'handler') return `all of ${of.pattern}`
  if (of.kind === 'room') return `room ${of.room}`
  if (of.kind === 'connection') return `#${of.conn}`
  return undefined
}

/** `undefined`: it can be sent as it is. */
function troubleOf(text: string, format: typeof draft.value.format): string | undefined {
  if (format === 'text') return undefined
  if (format === 'base64')
    return /^[+/0-9A-Za-z]*={0,2}$/.test(text) && text.length % 4 === 0 ? undefined : 'This is no Base64.'
  if (text.trim() === '') return 'An empty message is no JSON.'
  try {
    JSON.parse(text)
    return undefined
  } catch (error) {
    return `This is no JSON: ${(error as Error).message}`
  }
}

function contentOf(text: string, format: typeof draft.value.format): Content {
  if (format === 'json') {
    const data: unknown = JSON.parse(text)
    // As the handler's codec writes it, unless that would be something else.
    return isExact(text, data) ? { data } : { text }
  }
  return format === 'base64' ? { base64: text } : { text }
}

function readLast(): readonly string[] {
  try {
    return JSON.parse(sessionStorage.getItem(LAST) ?? '[]') as string[]
  } catch {
    return []
  }
}
