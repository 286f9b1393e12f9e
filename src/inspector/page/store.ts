import { batch, computed, signal, type ReadonlySignal, type Signal } from '@preact/signals'
import type { RecordingState } from '../../engine/upstream/recording-state.ts'
import type { ConnectionPage, ConnectionRow } from '../connections.ts'
import type { FaultList, FaultTo } from '../faults.ts'
import type { HandlerRow } from '../handler-row.ts'
import type { Row } from '../row.ts'
import type { Sample } from '../samples.ts'
import type { Target } from './api.ts'
import { directionOf, kindOf, Lines, type Kind, type Line } from './lines.ts'
import { Search } from './search.ts'

/** How the page and the server are. */
export type Link =
  | { readonly state: 'connecting' }
  | { readonly state: 'live' }
  | { readonly state: 'hidden' }
  /** It tries again by itself. */
  | { readonly state: 'lost'; readonly why: string }
  /** It needs something of the user. */
  | { readonly state: 'refused'; readonly why: string; readonly wantsToken: boolean }

/** What the timeline is of. */
export type Selection =
  | { readonly kind: 'all' }
  | { readonly kind: 'refused' }
  | { readonly kind: 'handler'; readonly pattern: string }
  | { readonly kind: 'room'; readonly pattern: string; readonly room: string }
  | {
      readonly kind: 'connection'
      readonly conn: number
      readonly id: string
      readonly pattern: string
      readonly path: string
      readonly rooms: readonly string[]
    }

export interface LineFilter {
  readonly text: string
  readonly isRegex: boolean
  readonly direction: 'both' | 'in' | 'out'
  readonly kinds: ReadonlySet<Kind>
}

export const link: Signal<Link> = signal<Link>({ state: 'connecting' })
export const runtime: Signal<string> = signal('')
export const readOnly: Signal<boolean> = signal(false)
export const handlers: Signal<readonly HandlerRow[]> = signal<readonly HandlerRow[]>([])
export const refused: Signal<number> = signal(0)
/** The last handshake that was refused. */
export const lastRefusal: Signal<Line | undefined> = signal<Line | undefined>(undefined)
export const connections: Signal<ConnectionPage> = signal<ConnectionPage>({ found: 0, rows: [], rooms: [] })
/** How many of the connections found the page lists. */
export const listed: Signal<number> = signal(100)
export const connectionSearch: Signal<string> = signal('')
/** What is on; `undefined`: nothing can be. */
export const faults: Signal<FaultList | undefined> = signal<FaultList | undefined>(undefined)
/** Of the backends; `undefined`: there are none. */
export const recording: Signal<RecordingState | undefined> = signal<RecordingState | undefined>(undefined)
export const samples: Signal<readonly Sample[]> = signal<readonly Sample[]>([])
export const selection: Signal<Selection> = signal<Selection>({ kind: 'all' })
/** The selected connection has ended. */
export const isGone: Signal<boolean> = signal(false)
export const filter: Signal<LineFilter> = signal<LineFilter>({
  text: '',
  isRegex: false,
  direction: 'both',
  kinds: new Set<Kind>(['message', 'connection', 'room', 'error']),
})
/** What is wrong with the regular expression, or that it takes too long. */
export const filterTrouble: Signal<string | undefined> = signal<string | undefined>(undefined)
export const isPaused: Signal<boolean> = signal(false)
/** What came while the page pauses. */
export const missed: Signal<number> = signal(0)
/** The line that is shown whole. */
export const chosen: Signal<Line | undefined> = signal<Line | undefined>(undefined)
type Pane = 'connections' | 'timeline' | 'send' | 'faults' | 'charts'
/** Which part a narrow screen shows. */
export const pane: Signal<Pane> = signal<Pane>('timeline')
/** What is about to be sent: for the form, from a line. */
export const draft: Signal<{ readonly text: string; readonly format: 'json' | 'text' | 'base64' }> = signal({
  text: '',
  format: 'json',
})

export const lines: Lines = new Lines()
/** Those that the selection and the filter let through. */
const shown: Signal<readonly Line[]> = signal<readonly Line[]>([])
export const shownLines: ReadonlySignal<readonly Line[]> = shown

/** Whom a message would be for; `undefined`: nobody is selected. */
export const target: ReadonlySignal<Target | undefined> = computed(() => {
  const chosenNow = selection.value
  switch (chosenNow.kind) {
    case 'handler':
      return { pattern: chosenNow.pattern }
    case 'room':
      return { pattern: chosenNow.pattern, rooms: [chosenNow.room] }
    case 'connection':
      return isGone.value ? undefined : { connection: chosenNow.id }
    case 'all':
    case 'refused':
    default:
      return undefined
  }
})

/** Whom faults would be for; `undefined`: a room has none of its own. */
export const faultTarget: ReadonlySignal<FaultTo | undefined> = computed(() => {
  const { kind } = selection.value
  if (kind === 'all') return { pattern: '*' }
  const to = target.value
  return kind === 'room' || to === undefined || 'rooms' in to ? undefined : to
})

const search = new Search((trouble) => {
  filterTrouble.value = trouble
})

export function add(rows: readonly Row[], skipped: number): void {
  const added = lines.add(rows, skipped)
  const ended = added.flatMap(({ type, conn }) => (type === 'close' && conn !== undefined ? [conn] : []))
  const of = selection.value
  if (of.kind === 'connection' && ended.includes(of.conn)) isGone.value = true
  lastRefusal.value = added.findLast(({ type }) => type === 'refused') ?? lastRefusal.value
  show(added)
}

export function restarted(at: number): void {
  batch(() => {
    show([lines.restart(at)])
    samples.value = []
    if (faults.value) faults.value = { rows: [], found: 0 }
  })
}

export function clear(): void {
  lists++
  lines.clear()
  shown.value = []
  chosen.value = undefined
}

/** How many lists there have been: a search that was for an earlier one comes too late. */
let lists = 0

/** A new list: what is shown is another thing now. */
async function refilter(): Promise<void> {
  const list = ++lists
  shown.value = []
  const all = [...lines].filter(passes)
  const found = await search.find(all, filter.value)
  if (list !== lists) return
  // What came meanwhile has been shown behind it.
  shown.value = [...found, ...shown.value]
}

export function select(next: Selection): void {
  batch(() => {
    selection.value = next
    isGone.value =
      next.kind === 'connection' &&
      [...lines].some(({ type, conn }) => type === 'close' && conn === next.conn)
    listed.value = 100
    pane.value = 'timeline'
    void refilter()
  })
}

export function setFilter(change: Partial<LineFilter>): void {
  batch(() => {
    filter.value = { ...filter.value, ...change }
    filterTrouble.value = undefined
    void refilter()
  })
}

export function selectConnection(row: ConnectionRow): void {
  const { conn, id, pattern, path, rooms } = row
  select({ kind: 'connection', conn: lines.fromServer(conn), id, pattern, path, rooms })
}

/** The connection that a line is of; of a broadcast its handler. */
export function selectOf(line: Line): void {
  const row = connections.value.rows.find(({ conn }) => lines.fromServer(conn) === line.conn)
  if (row && line.type !== 'broadcast') selectConnection(row)
  else if (line.pattern !== undefined) select({ kind: 'handler', pattern: line.pattern })
}

function show(added: readonly Line[]): void {
  const passing = added.filter(passes)
  const now = search.test(passing, filter.value)
  if (now) append(now)
  else {
    const list = lists
    void search.find(passing, filter.value).then((found) => list === lists && append(found))
  }
}

/** Also drops what is gone from the list. */
function append(added: readonly Line[]): void {
  const oldest = lines.at(0)?.n ?? Infinity
  const before = shown.value
  let gone = 0
  while (gone < before.length && (before[gone] as Line).n < oldest) gone++
  shown.value = [...(gone > 0 ? before.slice(gone) : before), ...added]
}

/** Whether the selection and the kinds take it; the text comes after. */
function passes(line: Line): boolean {
  if (line.type === 'left' || line.type === 'restart') return true
  const { direction, kinds } = filter.value
  const kind = kindOf(line)
  if (!kind || !kinds.has(kind)) return false
  if (direction !== 'both' && directionOf(line) !== direction) return false
  const of = selection.value
  if (of.kind === 'all') return true
  if (of.kind === 'refused') return line.type === 'refused'
  if (line.pattern !== of.pattern) return false
  if (of.kind === 'handler') return true
  if (of.kind === 'room')
    return line.rooms?.includes(of.room) === true || ('room' in line && line.room === of.room)
  if (line.conn === of.conn || line.to?.includes(of.conn)) return true
  // Too many receivers to be named.
  if (line.type !== 'broadcast' || line.to) return false
  return line.rooms === undefined || line.rooms.some((room) => of.rooms.includes(room))
}
