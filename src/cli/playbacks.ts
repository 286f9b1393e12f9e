import { SidewireError } from '../engine/errors.ts'
import type { LoadOptions } from '../load/options.ts'
import type { Playback, PlaybackStep } from '../load/playback.ts'
import { conversationsOf, type Conversation } from '../recording/conversation.ts'
import { loadRecording } from '../recording/load.ts'
import { messageOf } from '../recording/message.ts'
import { LEFT_OUT } from '../recording/replay-options.ts'
import { say } from './report.ts'

/**
 * The client's side of each connection of a recording; if some were on the path of the URL, of those only.
 * @throws `ERR_RECORDING` for what cannot be read, `ERR_OPTION` if no client says anything in it
 */
export function playbacksOf(file: string, url: string): Pick<LoadOptions, 'playbacks' | 'leftOut'> {
  const recording = loadRecording(file)
  for (const warning of recording.warnings) console.error(say(warning))
  const spoken = conversationsOf(recording).filter(({ steps }) =>
    steps.some((step) => step.type === undefined && step.from === 'client'),
  )
  const path = pathOf(url)
  const there = spoken.filter(({ path: recorded }) => recorded !== undefined && pathOf(recorded) === path)
  const chosen = (there.length > 0 ? there : spoken).map(playbackOf)
  if (chosen.length === 0)
    throw new SidewireError('ERR_OPTION', `no client says anything in ${file}, so there is nothing to play`)
  if (chosen.some(({ steps }) => steps.some(isRedacted)))
    console.error(
      say(
        'what was redacted is sent as [redacted:n]; `sidewire record --no-redact` keeps what a server has to see',
      ),
    )
  return { playbacks: chosen, leftOut: LEFT_OUT }
}

function playbackOf({ t, steps }: Conversation): Playback {
  let before = t
  return {
    steps: steps.flatMap((step) => {
      if (step.type !== undefined) return []
      const after = step.t - before
      before = step.t
      return [{ from: step.from, payload: messageOf(step).payload, after }]
    }),
  }
}

function isRedacted({ from, payload }: PlaybackStep): boolean {
  return from === 'client' && typeof payload === 'string' && /\[redacted:\d+\]/.test(payload)
}

function pathOf(url: string): string {
  return URL.canParse(url, 'ws://localhost') ? new URL(url, 'ws://localhost').pathname : url
}
