import type { BrokerStats, RefusalReason, Stats } from '../engine/stats.ts'
import { brokerSamples } from './broker.ts'
import type { EventLoop } from './event-loop.ts'
import type { HandlerCounts } from './handler-counts.ts'
import type { ProcessFacts } from './process-facts.ts'
import type { Labels, NumberSample, Sample } from './sample.ts'

/** A handler in service. */
export interface HandlerFacts {
  readonly pattern: string
  /** The names of the hooks that it has. */
  readonly hooks: readonly string[]
}

/** Where the numbers are, at the time of a scrape. */
export interface Parts {
  readonly build: { readonly version: string; readonly runtime: string; readonly runtimeVersion: string }
  readonly handlers: readonly HandlerFacts[]
  readonly stats: Stats
  readonly counts: HandlerCounts
  readonly rooms: number
  readonly backlogBytes: number
  readonly eventLoop: Pick<EventLoop, 'lag' | 'p99'>
  readonly process: ProcessFacts
  readonly broker?: BrokerStats | undefined
}

/** All of them, so that each has a series before it happens: a rate needs a value to begin at. The compiler keeps it complete. */
const REASONS: Readonly<Record<RefusalReason, true>> = {
  malformed: true,
  path: true,
  host: true,
  origin: true,
  subprotocol: true,
  query: true,
  authenticate: true,
  authenticateTimeout: true,
  handshakeTimeout: true,
  maxConnections: true,
  maxConnectionsPerAddress: true,
  maxEventLoopLag: true,
  openFiles: true,
  fault: true,
  upstream: true,
  closing: true,
  tunnel: true,
}

/** What one process has to tell. */
export function collect(parts: Parts): Sample[] {
  return [
    ...engineSamples(parts),
    ...handlerSamples(parts),
    ...eventLoopSamples(parts.eventLoop),
    ...brokerSamples(parts.broker),
    ...processSamples(parts.process),
  ]
}

function engineSamples({ build, stats, counts, rooms, backlogBytes }: Parts): Sample[] {
  const { version, runtime, runtimeVersion } = build
  const refused = Object.keys(REASONS) as RefusalReason[]
  const ended = {
    backpressure: stats.terminatedForBackpressure,
    message_rate: stats.closedForMessageRate,
    queue: stats.closedForQueue,
  }
  return [
    {
      ...gauge('sidewire_build_info', 'What serves: 1, with its versions as labels.', 1, {
        version,
        runtime,
        runtime_version: runtimeVersion,
      }),
      across: 'max',
    },
    ...Array.from(counts.closedBy, ([code, count]) =>
      counter('sidewire_connections_closed_total', 'Connections that ended, by close code.', count, { code }),
    ),
    ...refused.map((reason) =>
      counter(
        'sidewire_handshakes_refused_total',
        'Handshakes that were refused, by reason.',
        stats.refusedBy[reason] ?? 0,
        { reason },
      ),
    ),
    ...Object.entries(ended).map(([cause, count]) =>
      counter(
        'sidewire_connections_ended_total',
        'Connections that were ended because the client, or its handler, was too slow or too loud.',
        count,
        { cause },
      ),
    ),
    ...Object.entries(stats.invalid).map(([direction, count]) =>
      counter('sidewire_messages_invalid_total', "Messages that did not fit the handler's schema.", count, {
        direction,
      }),
    ),
    ...Object.entries(stats.faults).map(([kind, count]) =>
      counter('sidewire_faults_total', 'What went wrong because faults has it so.', count, { kind }),
    ),
    gauge('sidewire_rooms', 'Rooms that have somebody in them.', rooms),
    gauge('sidewire_backlog_bytes', 'Bytes that wait for clients that read slowly.', backlogBytes),
  ]
}

function handlerSamples({ handlers, counts }: Parts): Sample[] {
  const hooksOf = new Map(handlers.map(({ pattern, hooks }) => [pattern, hooks]))
  const patterns = new Set([...hooksOf.keys(), ...counts.byPattern.keys()])
  return [...patterns].flatMap((handler) => {
    const count = counts.of(handler)
    const labels = { handler }
    const errors = new Map((hooksOf.get(handler) ?? []).map((hook) => [hook, 0]))
    for (const [hook, failed] of count.errors) errors.set(hook, failed)
    return [
      gauge('sidewire_connections', 'Open connections.', count.opened - count.closed, labels),
      counter('sidewire_connections_opened_total', 'Connections that were opened.', count.opened, labels),
      counter('sidewire_messages_received_total', 'Messages of clients.', count.messagesIn, labels),
      counter(
        'sidewire_messages_sent_total',
        'Messages to clients; each receiver of a broadcast counts.',
        count.messagesOut,
        labels,
      ),
      counter(
        'sidewire_received_bytes_total',
        'Payload of messages received, uncompressed.',
        count.bytesIn,
        labels,
      ),
      counter('sidewire_sent_bytes_total', 'Payload of messages sent, uncompressed.', count.bytesOut, labels),
      ...Array.from(errors, ([hook, failed]) =>
        counter('sidewire_hook_errors_total', 'Hooks that threw or rejected.', failed, { handler, hook }),
      ),
      ...Array.from(count.durations, ([hook, histogram]): Sample => ({
        name: 'sidewire_hook_duration_seconds',
        help: 'How long what took a message needed for it; an async hook is done when it settles.',
        type: 'histogram',
        labels: { handler, hook },
        ...histogram.state,
      })),
    ]
  })
}

function eventLoopSamples({ lag, p99 }: Parts['eventLoop']): Sample[] {
  return [
    {
      name: 'sidewire_event_loop_lag_seconds',
      help: 'How late the event loop was, looked at 50 times a second.',
      type: 'histogram',
      ...lag,
    },
    {
      ...gauge(
        'nodejs_eventloop_lag_p99_seconds',
        'The same of the last minute, 99th percentile; over workers, of the worst.',
        p99,
      ),
      across: 'max',
    },
  ]
}

/** By the names of prom-client, so that dashboards that are there show them. */
function processSamples(facts: ProcessFacts): Sample[] {
  const { cpuSeconds, residentBytes, startSeconds, openFiles, maxFiles } = facts
  return [
    counter('process_cpu_seconds_total', 'Processor time, of user and system.', cpuSeconds),
    gauge('process_resident_memory_bytes', 'Memory in use.', residentBytes),
    {
      ...gauge(
        'process_start_time_seconds',
        'When it was started, since the epoch; of workers, the first.',
        startSeconds,
      ),
      across: 'min',
    },
    ...(openFiles === undefined ? [] : [gauge('process_open_fds', 'Open file descriptors.', openFiles)]),
    ...(maxFiles === undefined
      ? []
      : [gauge('process_max_fds', 'File descriptors that it may open.', maxFiles)]),
  ]
}

function counter(name: string, help: string, value: number, labels?: Labels): NumberSample {
  return { name, help, type: 'counter', labels, value }
}

function gauge(name: string, help: string, value: number, labels?: Labels): NumberSample {
  return { name, help, type: 'gauge', labels, value }
}
