import * as v from 'valibot'
import { Refused } from '../control/answers.ts'
import type { Command } from '../control/commands.ts'
import { readAs } from './reading.ts'
import type { RecordingState } from '../engine/upstream/recording-state.ts'

/** The backends that handlers ask. */
export interface Backends {
  /** Why nothing of them can be recorded in here. */
  readonly refusal?: string
  /** Whether any handler asks one. */
  exist(): boolean
  recording(): RecordingState
  /** @param redact - keys whose values are left out */
  startRecording(redact: readonly string[]): Promise<RecordingState>
  stopRecording(): Promise<RecordingState>
}

const schema = v.strictObject({ action: v.picklist(['start', 'stop'], 'it has to be "start" or "stop"') })

/** `undefined` where there is nothing to record. */
export function recordingOf(backends: Backends): RecordingState | undefined {
  if (backends.refusal !== undefined) return undefined
  const state = backends.recording()
  return backends.exist() || state.isOn ? state : undefined
}

/** @throws `Refused`, `ERR_RECORDING` */
export async function switchRecording(
  backends: Backends,
  command: Command,
  redact: readonly string[],
): Promise<RecordingState> {
  const { action } = readAs(schema, command)
  if (backends.refusal !== undefined) throw new Refused(409, 'target', backends.refusal)
  if (action === 'stop') return backends.stopRecording()
  if (backends.exist()) return backends.startRecording(redact)
  throw new Refused(409, 'target', 'there is nothing to record: no handler has an upstream')
}
