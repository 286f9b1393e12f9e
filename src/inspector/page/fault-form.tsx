import { signal, useSignal, useSignalEffect, type Signal } from '@preact/signals'
import type { ComponentChildren, JSX } from 'preact'
import type { FaultAnswer, FaultTo } from '../faults.ts'
import { switchFaults } from './api.ts'
import { fieldOf, NOTHING, read, type FaultDraft, type FaultField, type Troubles } from './fault-draft.ts'
import { faultsInWords } from './fault-words.ts'
import { lookNow } from './feed.ts'
import { faults, faultTarget, isGone, selection } from './store.ts'

const PROFILES: Readonly<Record<string, string>> = {
  slow3g: 'Slow 3G',
  slow4g: 'Slow 4G',
  fast4g: 'Fast 4G',
  flaky: 'Flaky',
  offline: 'Offline',
}

const profiles: Signal<FaultAnswer['profiles']> = signal<FaultAnswer['profiles']>({})

/** Once; what fails is tried again when the part is opened again. */
export function loadProfiles(): void {
  if (Object.keys(profiles.peek()).length > 0) return
  switchFaults({ action: 'list' }).then(take, () => {})
}

export async function lift(to: FaultTo): Promise<void> {
  take(await switchFaults({ action: 'lift', to }))
}

function take({ profiles: known, ...list }: FaultAnswer): void {
  profiles.value = known
  faults.value = list
  lookNow()
}

/** Switches faults for what is selected. */
export function FaultForm(): JSX.Element {
  const draft = useSignal<FaultDraft>(NOTHING)
  const said = useSignal('')
  /** What the server said of a field. */
  const refused = useSignal<Troubles>({})
  const to = faultTarget.value
  // What was said is of another.
  useSignalEffect(() => {
    void selection.value
    said.value = ''
    refused.value = {}
  })
  const isOne = to !== undefined && 'connection' in to
  const now = draft.value
  const meant = read(now, profiles.value[now.profile], !isOne)
  const troubles: Troubles = { ...refused.value, ...meant.troubles }
  const set = (change: Partial<FaultDraft>): void => {
    draft.value = { ...draft.value, ...change }
    refused.value = {}
    said.value = ''
  }
  const failed = (error: Error): void => {
    const field = fieldOf(error.message)
    if (field === undefined) said.value = error.message
    else refused.value = { [field]: error.message }
  }
  const submit = (event: Event): void => {
    event.preventDefault()
    if (!to || !meant.faults) return
    const command = { action: 'put', to, faults: meant.faults } as const
    switchFaults(meant.for === undefined ? command : { ...command, for: meant.for }).then((answer) => {
      take(answer)
      said.value = `On, with the seed ${rowOf(to)?.seed}.`
    }, failed)
  }
  const field = { draft: now, troubles, set }
  return (
    <form class="fault-form" aria-label="Faults" onSubmit={submit}>
      <h3>For {whomOf() ?? '…'}</h3>
      {!to && <p class="hint">{hintOf()}</p>}
      <Choice {...field} name="profile" label="Network">
        <option value="">as it is</option>
        {Object.keys(profiles.value).map((name) => (
          <option value={name}>{PROFILES[name] ?? name}</option>
        ))}
      </Choice>
      <Choice {...field} name="direction" label="Way">
        <option value="out">to clients</option>
        <option value="in">from clients</option>
        <option value="both">both</option>
      </Choice>
      <div class="pair">
        <Text {...field} name="latency" label="Latency, ms" />
        <Text {...field} name="latencyTo" label="up to, ms" />
      </div>
      <Text {...field} name="drop" label="Drop, %" />
      <label class="check">
        <input
          type="checkbox"
          checked={now.stall}
          onChange={(event) => set({ stall: event.currentTarget.checked })}
        />
        Stall: hold all back
      </label>
      <Choice {...field} name="cut" label="Cut connections">
        <option value="no">no</option>
        <option value="now">at once</option>
        <option value="after">after a time</option>
      </Choice>
      {now.cut === 'after' && <Text {...field} name="cutAfter" label="Cut after, ms" />}
      {!isOne && (
        <Choice {...field} name="refuse" label="Refuse handshakes">
          <option value="no">no</option>
          <option value="status">with a status</option>
          <option value="hangup">hang up</option>
          <option value="hang">never answer</option>
        </Choice>
      )}
      {!isOne && now.refuse === 'status' && <Text {...field} name="status" label="Status" />}
      <div class="pair">
        <Text {...field} name="seed" label="Seed" hint="drawn" isText />
        <Text {...field} name="seconds" label="For, s" hint="until lifted" />
      </div>
      <p class="hint meant">{meant.faults ? faultsInWords(meant.faults) : ''}</p>
      <div class="acts">
        <button type="submit" disabled={!to || !meant.faults}>
          Apply
        </button>
        <button
          type="button"
          disabled={!to || rowOf(to)?.by !== 'control'}
          onClick={() => {
            if (to) lift(to).then(() => (said.value = 'Lifted.'), failed)
          }}
        >
          Lift
        </button>
      </div>
      <p class="fault-said" role="status">
        {said.value}
      </p>
    </form>
  )
}

interface FieldProps {
  readonly draft: FaultDraft
  readonly troubles: Troubles
  readonly set: (change: Partial<FaultDraft>) => void
  readonly name: FaultField
  readonly label: string
}

function Text({
  draft,
  troubles,
  set,
  name,
  label,
  hint,
  isText = false,
}: FieldProps & { readonly hint?: string; readonly isText?: boolean }): JSX.Element {
  const id = `fault-${name}`
  return (
    <div class="field">
      <label for={id}>{label}</label>
      <input
        id={id}
        inputMode={isText ? 'text' : 'decimal'}
        autocomplete="off"
        placeholder={hint}
        value={String(draft[name])}
        aria-invalid={troubles[name] !== undefined}
        aria-describedby={`${id}-trouble`}
        onInput={(event) => set({ [name]: event.currentTarget.value })}
      />
      <Trouble id={id} text={troubles[name]} />
    </div>
  )
}

function Choice({
  draft,
  troubles,
  set,
  name,
  label,
  children,
}: FieldProps & { readonly children: ComponentChildren }): JSX.Element {
  const id = `fault-${name}`
  return (
    <div class="field">
      <label for={id}>{label}</label>
      <select
        id={id}
        value={String(draft[name])}
        aria-describedby={`${id}-trouble`}
        onChange={(event) => set({ [name]: event.currentTarget.value })}
      >
        {children}
      </select>
      <Trouble id={id} text={troubles[name]} />
    </div>
  )
}

function Trouble({ id, text }: { id: string; text: string | undefined }): JSX.Element {
  return (
    <p id={`${id}-trouble`} class="trouble">
      {text}
    </p>
  )
}

/** What this page, or somebody else from outside, has switched on for it. */
function rowOf(to: FaultTo): NonNullable<typeof faults.value>['rows'][number] | undefined {
  return faults.value?.rows.find(
    ({ pattern, connection, by }) =>
      by === 'control' &&
      ('connection' in to
        ? connection === to.connection
        : connection === undefined && pattern === to.pattern),
  )
}

function whomOf(): string | undefined {
  const of = selection.value
  if (of.kind === 'all') return 'all handlers'
  if (of.kind === 'handler') return of.pattern
  return of.kind === 'connection' ? `#${of.conn}` : undefined
}

function hintOf(): string {
  return isGone.value
    ? 'This connection has ended.'
    : 'Choose everything, a handler or a connection: a room has no network of its own.'
}
