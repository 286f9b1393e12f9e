import { batch } from '@preact/signals'
import type { Batch } from '../inspector.ts'
import { Refusal, watch } from './api.ts'
import {
  add,
  connections,
  connectionSearch,
  faults,
  filter,
  handlers,
  isPaused,
  lines,
  link,
  listed,
  missed,
  readOnly,
  recording,
  refused,
  restarted,
  runtime,
  samples,
  selection,
} from './store.ts'

/** The page asks 20 times a second at most, and for so many rows a second. */
const PACE_MS = 50
const ROWS_PER_S = 20_000
const MIN_ROWS = 1000
const MAX_ROWS = 2000
/** Without anything new, lists and charts are as old as this. */
const WAIT_MS = 1000
const PAUSED_MS = 500
const CONNECTIONS_MS = 250
const MAX_SAMPLES = 300
const CHANGING: ReadonlySet<string> = new Set(['open', 'close', 'join', 'leave', 'left'])
const RETRY_MS = [250, 500, 1000, 2000] as const

let after = 0
let boot: string | undefined
let asking: AbortController | undefined
let askedConnectionsAt = -Infinity
let wake: (() => void) | undefined

/** Looks at once, because something else is wanted. */
export function lookNow(): void {
  askedConnectionsAt = -Infinity
  asking?.abort()
  wake?.()
}

/** Asks, and asks again, as long as the page can be seen. */
export async function run(): Promise<void> {
  document.addEventListener('visibilitychange', () => {
    if (document.hidden) link.value = { state: 'hidden' }
    lookNow()
  })
  let failures = 0
  let before = performance.now() - 1000
  for (;;) {
    if (document.hidden) {
      await sleep(Infinity)
      continue
    }
    const began = performance.now()
    try {
      const isFirst = after === 0
      const elapsed = (began - before) / 1000
      const limit =
        isFirst || missed.value > 0 ? MAX_ROWS : Math.min(MAX_ROWS, Math.max(MIN_ROWS, elapsed * ROWS_PER_S))
      before = began
      take(await ask(isPaused.value ? 0 : Math.round(limit), isFirst))
      failures = 0
      await sleep(Math.max(0, (isPaused.value ? PAUSED_MS : PACE_MS) - (performance.now() - began)))
    } catch (error) {
      if ((error as Error).name === 'AbortError') continue
      if (error instanceof Refusal && error.status < 500) {
        link.value = { state: 'refused', why: error.message, wantsToken: error.status === 401 }
        await sleep(error.status === 401 ? Infinity : 5000)
        continue
      }
      link.value = { state: 'lost', why: 'the server does not answer' }
      await sleep(RETRY_MS[Math.min(failures++, RETRY_MS.length - 1)] ?? 0)
    }
  }
}

async function ask(limit: number, isFirst: boolean): Promise<Batch> {
  const { value: of } = selection
  const { text, isRegex } = filter.value
  const isNow = askedConnectionsAt === -Infinity
  const isDue = performance.now() - askedConnectionsAt > CONNECTIONS_MS
  if (isDue) askedConnectionsAt = performance.now()
  const ofHandler = of.kind === 'all' || of.kind === 'refused' ? {} : { pattern: of.pattern }
  asking = new AbortController()
  return watch(
    {
      after,
      wait: isFirst || isNow || isPaused.value || link.value.state !== 'live' ? 0 : WAIT_MS,
      limit,
      filter: {
        ...ofHandler,
        ...(of.kind === 'connection' && { conn: lines.toServer(of.conn) }),
        ...(of.kind === 'room' && { room: of.room }),
        ...(of.kind === 'refused' && { types: ['refused'] }),
        ...(text !== '' && !isRegex && { text }),
      },
      ...(isDue && {
        connections: {
          ...ofHandler,
          ...(of.kind === 'room' && { room: of.room }),
          ...(connectionSearch.value !== '' && { search: connectionSearch.value }),
          skip: 0,
          limit: listed.value,
        },
      }),
      samplesAfter: samples.value.at(-1)?.at ?? 0,
    },
    asking.signal,
  )
}

function take(got: Batch): void {
  batch(() => {
    if (boot !== undefined && boot !== got.boot) {
      boot = got.boot
      after = 0
      missed.value = 0
      restarted(got.now)
      // What it says is of an `after` of the other one.
      link.value = { state: 'connecting' }
      return
    }
    boot = got.boot
    link.value = { state: 'live' }
    runtime.value = got.runtime
    readOnly.value = got.readOnly
    refused.value = got.refused
    if (JSON.stringify(handlers.value) !== JSON.stringify(got.handlers)) handlers.value = got.handlers
    if (got.connections) connections.value = got.connections
    if (got.faults && JSON.stringify(faults.value) !== JSON.stringify(got.faults)) faults.value = got.faults
    if (JSON.stringify(recording.value) !== JSON.stringify(got.recording)) recording.value = got.recording
    if (got.samples.length > 0) samples.value = [...samples.value, ...got.samples].slice(-MAX_SAMPLES)
    if (isPaused.value) {
      missed.value = got.left
      return
    }
    missed.value = 0
    if (got.rows.length > 0 || got.left > 0) add(got.rows, after === 0 ? 0 : got.left)
    after = got.next
    // Who came or left is in the list soon.
    if (!got.connections && got.rows.some(({ type }) => CHANGING.has(type))) askedConnectionsAt = -Infinity
  })
}

/** Or until something else is wanted. */
function sleep(ms: number): Promise<void> {
  return new Promise((resolve) => {
    const timer = ms === Infinity ? undefined : setTimeout(done, ms)
    function done(): void {
      clearTimeout(timer)
      wake = undefined
      resolve()
    }
    wake = done
  })
}
