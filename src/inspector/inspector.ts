import { randomUUID } from 'node:crypto'
import { failed, json, Refused } from '../control/answers.ts'
import { readCommand, type Command } from '../control/commands.ts'
import { whole, type Shown } from '../control/row.ts'
import type { Clock } from '../engine/clock.ts'
import { pathOf } from '../engine/handshake/request.ts'
import type { HttpAnswer, RawRequest, ReadBody } from '../engine/runtime.ts'
import type { MaybePromise } from '../engine/promise.ts'
import type { Stats } from '../engine/stats.ts'
import type { RecordingState } from '../engine/upstream/recording-state.ts'
import { Access, type AccessOptions } from './access.ts'
import type { ConnectionPage } from './connections.ts'
import { readFaultCommand, type FaultAnswer, type FaultList } from './faults.ts'
import { isWanted } from './filter.ts'
import type { HandlerRow } from './handler-row.ts'
import { pageFile } from './page-files.ts'
import { INSPECTOR_PATH, isInspectorPath } from './path.ts'
import { recordingOf, switchRecording, type Backends } from './recording.ts'
import { Redaction } from './redaction.ts'
import { OneEngine, type Scene } from './scene.ts'
import { toRow, type Row } from './row.ts'
import { Samples, type Sample } from './samples.ts'
import type { Entry, TimelineOptions } from './timeline.ts'
import { readWatch, type Watch } from './watch.ts'

export interface InspectorOptions extends AccessOptions {
  /** Nothing can be sent, closed, cut, switched or recorded. */
  readonly readOnly: boolean
  readonly history: number
  readonly redact: readonly string[]
}

/** What the server says of itself. */
export interface Served {
  readonly runtime: string
  handlers(): readonly HandlerRow[]
  readonly stats: Stats
  readonly backends: Backends
  /** Milliseconds that the event loop was late, at most since this was asked last; without it, it is that of this process. */
  readonly lateBy?: () => number
}

export type { Scene }

/** Of the engine of this process. */
export function inspectorOf(
  inside: ConstructorParameters<typeof OneEngine>[0],
  clock: Clock,
  served: Served,
  options: InspectorOptions,
): Inspector {
  return new Inspector(
    new OneEngine(inside, served.stats, clock, timelineOf(options)),
    clock,
    served,
    options,
  )
}

/** How much it keeps. */
export function timelineOf({
  history,
  redact,
}: Pick<InspectorOptions, 'history' | 'redact'>): TimelineOptions {
  return { history, historyBytes: HISTORY_BYTES, redaction: new Redaction(redact) }
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
  readonly #scene: Scene
  readonly #clock: Clock
  readonly #options: InspectorOptions
  readonly #served: Served
  readonly #boot = randomUUID()
  readonly #access: Access
  readonly #samples: Samples
  readonly #redaction: Redaction
  readonly #watching = new Set<Promise<unknown>>()

  constructor(scene: Scene, clock: Clock, served: Served, options: InspectorOptions) {
    this.#scene = scene
    this.#clock = clock
    this.#served = served
    this.#options = options
    this.#access = new Access(options, clock)
    this.#redaction = new Redaction(options.redact)
    this.#samples = new Samples(served.stats, clock, served.lateBy)
  }

  /** Pages that wait get what there is. */
  async close(): Promise<void> {
    this.#scene.close()
    this.#samples.close()
    this.wake()
    await Promise.allSettled(this.#watching)
    // What has an answer writes it now.
    await new Promise<void>((resolve) => this.#clock.after(0, resolve))
  }

  /** The same, and they may ask again. */
  wake(): void {
    this.#scene.timeline.wake()
  }

  /** `undefined`: the path is none of its. */
  answer(raw: RawRequest, body: ReadBody): Promise<HttpAnswer> | undefined {
    if (!isInspectorPath(raw.url)) return undefined
    const path = pathOf(raw.url)
    if (path === INSPECTOR_PATH.slice(0, -1)) return Promise.resolve(toSlash(raw.url))
    const name = path.slice(INSPECTOR_PATH.length)
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
        return json(await this.#act((given) => this.#scene.send(given), command))
      case 'page/disconnect':
        return json(await this.#act((given) => this.#scene.disconnect(given), command))
      case 'page/faults':
        return json(await this.#faults(await command))
      case 'page/recording':
        return json(await this.#record(await command))
      default:
        await command
        throw new Refused(404, 'path', `there is no ${INSPECTOR_PATH}${name}`)
    }
  }

  async #act<T>(run: (command: Command) => MaybePromise<T>, command: Promise<Command>): Promise<T> {
    const given = await command
    this.#assertActs()
    return run(given)
  }

  async #faults(given: Command): Promise<FaultAnswer> {
    const command = readFaultCommand(given)
    if (command.action !== 'list') this.#assertActs()
    return this.#scene.runFaults(command)
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
    const { timeline, numberOf } = this.#scene
    await this.#scene.look()
    this.#samples.keep()
    if (watch.after >= timeline.last && watch.wait > 0) {
      await timeline.wait(watch.after, watch.wait)
      if (watch.after < timeline.last)
        await new Promise<void>((resolve) => this.#clock.after(TOGETHER_MS, resolve))
    }
    const handlers = this.#served.handlers()
    const patterns = handlers.map(({ pattern }) => pattern)
    const [connections, faults] = watch.connections
      ? await Promise.all([this.#scene.connections(patterns, watch.connections), this.#scene.faults()])
      : []
    const entries = timeline.after(watch.after)
    const chosen = this.#choose(entries, watch)
    const { last, first } = timeline
    const recording = recordingOf(this.#served.backends)
    const missed = watch.after === 0 ? 0 : Math.max(0, first - watch.after - 1)
    return {
      boot: this.#boot,
      runtime: this.#served.runtime,
      readOnly: this.#options.readOnly,
      now: this.#clock.date(),
      handlers,
      refused: this.#served.stats.refused,
      rows: chosen.map((entry) => toRow(entry, numberOf, this.#redaction)),
      next: last,
      left: missed + entries.length - chosen.length,
      ...(connections && { connections }),
      ...(faults && { faults }),
      ...(recording && { recording }),
      samples: this.#samples.after(watch.samplesAfter),
    }
  }

  /** The last that there is room for; those that the page is about to show before others. */
  #choose(entries: readonly Entry[], { limit, filter }: Watch): readonly Entry[] {
    if (entries.length <= limit) return entries
    const wanted = entries.filter((entry) => isWanted(entry, filter, this.#scene.numberOf))
    const chosen = new Set(wanted.slice(Math.max(0, wanted.length - limit)))
    for (let i = entries.length - 1; i >= 0 && chosen.size < limit; i--) chosen.add(entries[i] as Entry)
    return entries.filter((entry) => chosen.has(entry))
  }

  /** The whole of it. */
  #payload({ n }: Command): Shown {
    const entry = typeof n === 'number' ? this.#scene.timeline.get(n) : undefined
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
