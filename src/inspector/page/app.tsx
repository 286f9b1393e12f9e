import type { JSX } from 'preact'
import { useEffect } from 'preact/hooks'
import { Charts } from './charts.tsx'
import { useToken } from './api.ts'
import { Composer } from './composer.tsx'
import { Connections } from './connections.tsx'
import { Detail } from './detail.tsx'
import { Faults } from './faults.tsx'
import { lookNow } from './feed.ts'
import { chosen, clear, isPaused, link, pane, runtime } from './store.ts'
import { Timeline } from './timeline.tsx'
import { Toolbar } from './toolbar.tsx'

const PANES = [
  ['connections', 'Clients'],
  ['timeline', 'Timeline'],
  ['send', 'Send'],
  ['faults', 'Faults'],
  ['charts', 'Charts'],
] as const

export function App(): JSX.Element {
  useEffect(() => {
    addEventListener('keydown', onKey)
    return () => removeEventListener('keydown', onKey)
  }, [])
  return (
    <div class="app" data-pane={pane.value}>
      <header class="top">
        <h1>
          sidewire <span>inspector</span>
        </h1>
        <p class="runtime">{runtime.value}</p>
        <LinkState />
      </header>
      <nav class="panes" aria-label="Parts of the page">
        {PANES.map(([name, label]) => (
          <button
            type="button"
            aria-current={pane.value === name ? 'true' : undefined}
            onClick={() => (pane.value = name)}
          >
            {label}
          </button>
        ))}
      </nav>
      <main>
        <Connections />
        <section class="timeline-part" aria-label="Timeline">
          <Toolbar />
          <Timeline />
          {chosen.value && <Detail line={chosen.value} />}
        </section>
        <div class="side">
          <Composer />
          <Faults />
          <Charts />
        </div>
      </main>
    </div>
  )
}

function LinkState(): JSX.Element {
  const now = link.value
  const text = {
    connecting: 'Connecting …',
    live: 'Connected',
    hidden: 'Waiting: this page is hidden',
    lost: 'Disconnected: trying again …',
    refused: 'Refused',
  }[now.state]
  return (
    <div class="link" data-state={now.state}>
      <p role="status">{now.state === 'refused' ? `${text}: ${now.why}` : text}</p>
      {now.state === 'refused' && now.wantsToken && <TokenForm />}
    </div>
  )
}

function TokenForm(): JSX.Element {
  return (
    <form
      class="token"
      onSubmit={(event) => {
        event.preventDefault()
        useToken(new FormData(event.currentTarget).get('token') as string)
        lookNow()
      }}
    >
      <label>
        Token <input name="token" type="password" autocomplete="off" required />
      </label>
      <button type="submit">Connect</button>
    </form>
  )
}

const KEYS: Readonly<Record<string, () => void>> = {
  '/': () => document.querySelector<HTMLInputElement>('#filter-text')?.focus(),
  m: () => document.querySelector<HTMLElement>('#message')?.focus(),
  f: () => document.querySelector<HTMLElement>('.faults summary')?.focus(),
  p: () => (isPaused.value = !isPaused.value),
  c: clear,
  Escape: () => (chosen.value = undefined),
}

/** Single keys, where nobody writes. */
function onKey(event: KeyboardEvent): void {
  if (event.ctrlKey || event.metaKey || event.altKey) return
  const from = event.target as HTMLElement
  if (/^(?:INPUT|TEXTAREA|SELECT)$/.test(from.tagName)) return
  const act = KEYS[event.key]
  if (!act) return
  event.preventDefault()
  act()
}
