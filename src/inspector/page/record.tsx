import { signal, type Signal } from '@preact/signals'
import type { JSX } from 'preact'
import { switchRecording } from './api.ts'
import { lookNow } from './feed.ts'
import { whole } from './format.ts'
import { readOnly, recording } from './store.ts'

/** What the server said instead of doing it. */
const trouble: Signal<string | undefined> = signal<string | undefined>(undefined)

async function toggle(isOn: boolean): Promise<void> {
  trouble.value = undefined
  try {
    recording.value = await switchRecording(isOn ? 'stop' : 'start')
  } catch (error) {
    trouble.value = (error as Error).message
  }
  lookNow()
}

/** Records what the backends say to a file of the server; there is none where no handler asks one. */
export function RecordButton(): JSX.Element | null {
  const now = recording.value
  if (!now || readOnly.value) return null
  const { isOn, messages = 0 } = now
  return (
    <button type="button" aria-pressed={isOn} onClick={() => void toggle(isOn)}>
      {isOn ? `Stop recording (${whole(messages)})` : 'Record backends'}
    </button>
  )
}

/** Where it is written to, and what has become of it. */
export function RecordState(): JSX.Element {
  const { isOn = false, file = '', text } = recording.value ?? {}
  return (
    <p class={trouble.value === undefined ? 'recording' : 'recording trouble'} role="status">
      {trouble.value ?? text ?? (isOn ? `What the backends say is written to ${file}` : '')}
    </p>
  )
}
