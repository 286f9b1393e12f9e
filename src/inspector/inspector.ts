import { randomUUID } from 'node:crypto'
import { failed, json, Refused } from '../control/answers.ts'
import { disconnect, readCommand, send, type Command } from '../control/commands.ts'
import { whole, type Shown } from '../control/row.ts'
import type { Clock } from '../engine/clock.ts'
import { pathOf } from '../engine/handshake/request.ts'
import type { Inside } from '../engine/inside.ts'
import type { HttpAnswer, RawRequest, ReadBody } from '../engine/runtime.ts'
import type { Stats } from '../engine/stats.ts'
import type { RecordingState } from '../engine/upstream/recording-state.ts'
import { Access, type AccessOptions } from './access.ts'
import { Connections, type ConnectionPage } from './connections.ts'
import { faultList, readFaultCommand, runFaultCommand, type FaultAnswer, type FaultList } from './faults.ts'
import { isWanted } from './filter.ts'
import { pageFile } from './page-files.ts'
import { recordingOf, switchRecording, type Backends } from './recording.ts'
import { Redaction } from './redaction.ts'
import { toRow, type Row } from './row.ts'
import { Samples, type Sample } from './samples.ts'
import { Timeline, type Entry } from './timeline.ts'
import { readWatch, type Watch } from './watch.ts'

export interface InspectorOptions extends AccessOptions {
  /** Nothing can be sent, closed, cut, switched or recorded. */
  readonly readOnly: boolean
  readonly history: number
  readonly redact: readonly string[]
}

/** A handler, as the page lists it. */
export interface HandlerRow {
  readonly pattern: string
  /** Where it is, prefix included. */
  readonly paths: readonly string[]
}

/** What the server says of itself. */
export interface Served {
  readonly runtime: string
  handlers(): readonly HandlerRow[]
  readonly stats: Stats
  readonly backends: Backends
}

/** What a page gets, each time that it asks. */
export interface Batch {
  /** Another one than before: the engine was started anew, and its numbers begin at 1 again. */
  readonly boot: string
  readonly runtime: string
  readonly readOnly: boolean
  readonly now: number
  readonly handlers: readonly HandlerRow[]
  /** Handshakes since the start. */
  readonly refused: number
  readonly rows: readonly Row[]
  /** What to give as `after` next. */
  readonly next: number
  /** Rows that are not in it: gone already, or more than `limit`. */
  readonly left: number
  /** Only if asked for. */
  readonly connections?: ConnectionPage
  /** With the connections, and only where there is something to switch. */
  readonly faults?: FaultList
  /** Only where a handler asks a backend. */
  readonly recording?: RecordingState
  readonly samples: readonly Sample[]
}

/** Where the page is, and what it asks. */
const INSPECTOR_PATH = '/.sidewire/'
const ASKED = new Set([
  'page/watch',
  'page/payload',
  'page/send',
  'page/disconnect',
  'page/faults',
  'page/recording',
])
/** What comes within this time of each other goes to a page together: 60 times a second at most. */
const TOGETHER_MS = 17
const HISTORY_BYTES = 4 * 1024 * 1024

/** The page that shows what happens in the engine, and what it asks: see docs/guide/inspector.md. */
export class Inspector {
  readonly #inside: Inside
  readonly #clock: Clock
  readonly #options: InspectorOptions
  readonly #served: Served
  readonly #boot = randomUUID()
  readonly #access: Access
  readonly #connections: Connections
  readonly #timeline: Timeline
  readonly #samples: Samples
  readonly #redaction: Redaction
  readonly #watching = new Set<Promise<unknown>>()

  constructor(inside: Inside, clock: Clock, served: Served, options: InspectorOptions) {
    this.#inside = inside
    this.#clock = clock
    this.#served = served
    this.#options = options
    this.#access = new Access(options, clock)
    this.#connections = new Connections(inside)
    this.#redaction = new Redaction(options.redact)
    this.#samples = new Samples(served.stats, clock)
    this.#timeline = new Timeline(inside, served.stats, clock, this.#connections, {
      history: options.history,
      historyBytes: HISTORY_BYTES,
      redaction: this.#redaction,
    })
  }

  /** Pages that wait get what there is. */
  async close(): Promise<void> {
    this.#timeline.close()
    this.#samples.close()
    await Promise.allSettled(this.#watching)
    // What has an answer writes it now.
    await new Promise<void>((resolve) => this.#clock.after(0, resolve))
  }

  /** `undefined`: the path is none of its. */
  answer(raw: RawRequest, body: ReadBody): Promise<HttpAnswer> | undefined {
    const path = pathOf(raw.url)
    if (path === INSPECTOR_PATH.slice(0, -1)) return Promise.resolve(toSlash(raw.url))
    if (!path.startsWith(INSPECTOR_PATH)) return undefined
    const name = path.slice(INSPECTOR_PATH.length)
    if (name !== '' && !name.startsWith('page/')) return undefined
    return this.#answer(raw, name, body).catch(failed)
  }

  async #answer(raw: RawRequest, name: string, body: ReadBody): Promise<HttpAnswer> {
    if (raw.method === 'GET' || raw.method === 'HEAD') {
      this.#access.assertHost(raw)
      const file = pageFile(name)
      if (file) return file
      if (!ASKED.has(name)) throw new Refused(404, 'path', `there is no ${INSPECTOR_PATH}${name}`)
    } else this.#access.assertPage(raw)
    if (raw.method !== 'POST') throw new Refused(405, 'method', `${raw.url} does not take ${raw.method}`)
    // Asked for in this turn, or it is forgotten.
    const command = readCommand(body, this.#clock)
    switch (name) {
      case 'page/watch':
        return json(await this.#keep(this.#watch(readWatch(await command))))
      case 'page/payload':
        return json(this.#payload(await command))
      case 'page/send':
        return json(await this.#act((given) => send(this.#inside, given), command))
      case 'page/disconnect':
        return json(await this.#act((given, willEnd) => disconnect(this.#inside, given, willEnd), command))
      case 'page/faults':
        return json(this.#faults(await command))
      case 'page/recording':
        return json(await this.#record(await command))
      default:
        await command
        throw new Refused(404, 'path', `there is no ${INSPECTOR_PATH}${name}`)
    }
  }

  async #act<T>(
    run: (command: Command, willEnd: Parameters<Parameters<Timeline['act']>[0]>[0]) => T,
    command: Promise<Command>,
  ): Promise<T> {
    const given = await command
    this.#assertActs()
    return this.#timeline.act((willEnd) => run(given, willEnd))
  }

  #faults(given: Command): FaultAnswer {
    const command = readFaultCommand(given)
    if (command.action !== 'list') this.#assertActs()
    // What arrives because they are lifted is by those who sent it, and not by the inspector.
    return runFaultCommand(this.#inside, this.#connections, command)
  }

  async #record(given: Command): Promise<RecordingState> {
    this.#assertActs()
    return switchRecording(this.#served.backends, given, this.#options.redact)
  }

  #assertActs(): void {
    if (this.#options.readOnly)
      throw new Refused(403, 'method', 'this inspector only looks: inspector: { readOnly: true }')
  }

  async #keep<T>(watching: Promise<T>): Promise<T> {
    this.#watching.add(watching)
    try {
      return await watching
    } finally {
      this.#watching.delete(watching)
    }
  }

  async #watch(watch: Watch): Promise<Batch> {
    this.#timeline.look()
    this.#samples.keep()
    if (watch.after >= this.#timeline.last && watch.wait > 0) {
      await this.#timeline.wait(watch.after, watch.wait)
      if (watch.after < this.#timeline.last)
        await new Promise<void>((resolve) => this.#clock.after(TOGETHER_MS, resolve))
    }
    const handlers = this.#served.handlers()
    const entries = this.#timeline.after(watch.after)
    const chosen = this.#choose(entries, watch)
    const { last, first } = this.#timeline
    const faults = watch.connections && faultList(this.#inside, this.#connections)
    const recording = recordingOf(this.#served.backends)
    const missed = watch.after === 0 ? 0 : Math.max(0, first - watch.after - 1)
    return {
      boot: this.#boot,
      runtime: this.#served.runtime,
      readOnly: this.#options.readOnly,
      now: this.#clock.date(),
      handlers,
      refused: this.#served.stats.refused,
      rows: chosen.map((entry) => toRow(entry, this.#connections.numberOf, this.#redaction)),
      next: last,
      left: missed + entries.length - chosen.length,
      ...(watch.connections && {
        connections: this.#connections.page(
          handlers.map(({ pattern }) => pattern),
          watch.connections,
        ),
      }),
      ...(faults && { faults }),
      ...(recording && { recording }),
      samples: this.#samples.after(watch.samplesAfter),
    }
  }

  /** The last that there is room for; those that the page is about to show before others. */
  #choose(entries: readonly Entry[], { limit, filter }: Watch): readonly Entry[] {
    if (entries.length <= limit) return entries
    const wanted = entries.filter((entry) => isWanted(entry, filter, this.#connections.numberOf))
    const chosen = new Set(wanted.slice(Math.max(0, wanted.length - limit)))
    for (let i = entries.length - 1; i >= 0 && chosen.size < limit; i--) chosen.add(entries[i] as Entry)
    return entries.filter((entry) => chosen.has(entry))
  }

  /** The whole of it. */
  #payload({ n }: Command): Shown {
    const entry = typeof n === 'number' ? this.#timeline.get(n) : undefined
    if (!entry?.event || !('payload' in entry.event) || entry.isStripped)
      throw new Refused(404, 'target', 'the rest of it is gone: the server keeps the latest messages whole')
    return whole(this.#redaction.payload(entry.event.payload))
  }
}

/** The page's own paths are relative to it. */
function toSlash(url: string): HttpAnswer {
  const query = url.includes('?') ? url.slice(url.indexOf('?')) : ''
  return { status: 308, headers: { Location: `.sidewire/${query}`, 'Cache-Control': 'no-store' }, body: '' }
}
