import type { Verdict } from './expect/judge.ts'
import type { Latency } from './histogram.ts'
import type { ScenarioName } from './options.ts'
import type { Faults } from './sequence.ts'

/** Of a report in JSON; it changes when a program that reads one could misread the next. */
export const SCHEMA = 'sidewire-bench/2'

/** What a run found out. Times are in milliseconds unless they say otherwise. */
export interface Report {
  readonly schema: typeof SCHEMA
  readonly url: string
  readonly scenario: ScenarioName
  /** ISO 8601, before the first connection. */
  readonly startedAt: string
  /** ISO 8601: for whoever measures something else at the same time, such as the server's CPU. */
  readonly measuredFrom: string
  readonly measuredUntil: string
  /** What was asked for. */
  readonly options: Readonly<Record<string, unknown>>
  readonly machine: {
    readonly platform: string
    readonly cpu: string
    readonly cores: number
    readonly runtime: string
  }
  /** `interrupted` by a signal; `aborted` by a threshold with a `!`. */
  readonly ended: 'whole' | 'interrupted' | 'aborted'
  /** Seconds that were measured. */
  readonly seconds: number
  readonly messages: MessageCounts
  readonly latency: Latency | null
  /** Percentile and milliseconds. */
  readonly percentiles: readonly (readonly [number, number])[]
  /** All latencies that were measured: a histogram of the HDR library, V2, compressed, in base64, of microseconds. */
  readonly histogram: string
  readonly connections: { readonly opened: number; readonly refused: number; readonly dropped: number }
  /** From when a connection was due to be opened to the answer of the server; warm-up included. */
  readonly connecting: Latency | null
  readonly fanout: FanoutResult | null
  /** `completed` with the warm-up, as all counts. */
  readonly handshakes: { readonly completed: number; readonly perSecond: number } | null
  /** Bytes. */
  readonly memory: { readonly before: number; readonly after: number; readonly perConnection: number } | null
  readonly generator: GeneratorHealth
  /** With `--agents`. */
  readonly agents: readonly AgentHealth[]
  /** With the report of `--compare`. */
  readonly comparison: Comparison | null
  /** What was asked for with `--stage`, and what came of each. */
  readonly stages: readonly StageResult[]
  readonly timeline: readonly Interval[]
  /** The rows of `--csv`: the warm-up, each second, and what came after the end. */
  readonly bySecond: readonly Second[]
  /** What was asked for with `--expect`, and what came of each. */
  readonly expectations: readonly Verdict[]
  /** Nothing was lost, doubled, refused or the like: whether the expectations hold is said by each of them. */
  readonly ok: boolean
  /** Of `--repeat` and `--against`, in order; this report is that of the one in the middle. */
  readonly runs?: readonly Report[]
  /** Which of the runs that is, 1 for the first. */
  readonly medianRun?: number
  /** Of `--against`. */
  readonly against?: Against
  /** Of `--find`; this report is that of the highest rate that holds. */
  readonly found?: Found
  /** Whose values are not shown: names of headers, of the query, of options. */
  readonly masked: readonly string[]
  /** Why not, each in a line. */
  readonly problems: readonly string[]
}

interface MessageCounts extends Faults {
  /** Warm-up included. */
  readonly sent: number
  /** First copies, warm-up included. */
  readonly received: number
  /** Received, while it was measured. */
  readonly perSecond: number
  /** Payload. */
  readonly bytesPerSecond: number
}

/** This run beside an earlier one: this one's figures, divided by those of the other. */
export interface Comparison {
  /** The file of the earlier report. */
  readonly with: string
  /** Messages or handshakes a second. */
  readonly perSecond: number | null
  /** The 99th percentile of the latency. */
  readonly p99: number | null
  /** Why the figures say nothing of the servers: the generator was the bottleneck of one of the runs. */
  readonly invalid: readonly string[]
}

interface FanoutResult {
  readonly receivers: number
  readonly senders: number
  readonly expected: number
  readonly received: number
  /** Received / expected. */
  readonly reach: number
  /** From when a message was due to when the last receiver had it. */
  readonly lastReceiver: Latency | null
  /** Of which share of the deliveries the latency is: with `--agents` of those whose sender was on the same machine. */
  readonly timed: number
}

export interface GeneratorHealth {
  /** The share of the time in which the event loop of the busiest worker was busy. */
  readonly utilization: number
  /** Seconds of CPU time a second, all threads. */
  readonly cpu: number
  readonly workers: number
  /** Open loop: by how much messages were sent later than they were due. */
  readonly sendLag: Latency | null
  /** The generator, and not the server, was the bottleneck. */
  readonly limited: boolean
  readonly reasons: readonly string[]
}

export interface StageResult {
  /** As it was asked for. */
  readonly text: string
  /** Seconds from the start of the measurement. */
  readonly from: number
  readonly to: number
  readonly sent: number
  readonly received: number
  readonly perSecond: number
  /** Open at its end. */
  readonly connections: number
  readonly latency: Latency | null
}

export interface Second {
  /** Its end, in seconds from the start of the measurement. */
  readonly second: number
  /** As it was asked for; `warm-up` before the measurement, `end` after it. */
  readonly stage: string
  readonly sent: number
  readonly received: number
  readonly perSecond: number | null
  readonly p50: number | null
  readonly p90: number | null
  readonly p99: number | null
  readonly max: number | null
  /** Open at its end. */
  readonly connections: number
  /** Less than 0 where what was given up came after all. */
  readonly lost: number
}

/** Another server, run in turns with the first one. */
export interface Against {
  readonly url: string
  /** Beside `runs` of the report: the n-th of each ran one after the other. */
  readonly runs: readonly Report[]
  /** The first server's figure, divided by that of the other. */
  readonly rate: RatioRange | null
  readonly p99: RatioRange | null
}

/** Of the ratios of the pairs. */
export interface RatioRange {
  readonly median: number
  readonly smallest: number
  readonly largest: number
}

/** The highest rate that holds a threshold, and how it was found. */
export interface Found {
  readonly threshold: string
  /** Messages a second; `null`: not even one holds it. */
  readonly rate: number | null
  /** The next rate was too much for the generator, and perhaps not for the server. */
  readonly limited: boolean
  readonly steps: readonly FindStep[]
}

export interface FindStep {
  readonly rate: number
  /** Of the threshold. */
  readonly value: number | null
  readonly holds: boolean
  readonly limited: boolean
}

/** A machine that made a part of the load. */
export interface AgentHealth {
  readonly name: string
  readonly runtime: string
  /** Threads. */
  readonly workers: number
  /** Milliseconds to it and back. */
  readonly roundTrip: number
}

export interface Interval {
  /** Its end, in seconds from the start of the measurement. */
  readonly second: number
  readonly perSecond: number
  readonly p50: number | null
  readonly p99: number | null
  readonly max: number | null
}
