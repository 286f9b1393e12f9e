import { useSignal, useSignalEffect } from '@preact/signals'
import type { JSX } from 'preact'
import { FaultForm, loadProfiles } from './fault-form.tsx'
import { FaultRows } from './fault-rows.tsx'
import { faults, readOnly } from './store.ts'
import { whole } from './format.ts'

/** What is wrong with the network: what is on, and what switches it. */
export function Faults(): JSX.Element | null {
  // A narrow screen has a part of its own for it.
  const isOpen = useSignal(!matchMedia('(min-width: 900px)').matches)
  useSignalEffect(() => {
    if (isOpen.value && !readOnly.value) loadProfiles()
  })
  const on = faults.value
  if (!on) return null
  return (
    <details
      class="faults"
      open={isOpen.value}
      onToggle={(event) => (isOpen.value = event.currentTarget.open)}
    >
      <summary aria-keyshortcuts="f">
        <h2>Faults {on.found > 0 && <span class="count">{whole(on.found)} on</span>}</h2>
      </summary>
      {readOnly.value ? <p class="hint">This inspector only looks (readOnly).</p> : <FaultForm />}
      <FaultRows list={on} />
    </details>
  )
}
