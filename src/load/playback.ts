/** One connection of a recording, as the client plays it: plain data, so that it can be given to a thread. */
export interface Playback {
  readonly steps: readonly PlaybackStep[]
}

/** A message, in the order in which they were recorded. */
export interface PlaybackStep {
  readonly from: 'client' | 'server'
  readonly payload: string | Uint8Array
  /** Milliseconds behind the step before it, or behind the opening. */
  readonly after: number
}
