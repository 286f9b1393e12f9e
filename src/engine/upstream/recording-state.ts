/** How the recording of all backends is, as whoever switches it sees it. */
export interface RecordingState {
  readonly isOn: boolean
  /** Of what goes on: relative to the working directory. */
  readonly file?: string
  readonly connections?: number
  readonly messages?: number
  /** What there is to say: what has become of the last one, or why this one has stopped. */
  readonly text?: string
}
