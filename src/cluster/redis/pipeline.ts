import { setImmediate } from '../../engine/timers.ts'
import { command } from './command.ts'

/** From here on, a frame is not copied. */
const LARGE = 32 * 1024
/** More of a turn goes out before its end, so that the server can begin. */
const MAX_BATCH = 256 * 1024
const END = Buffer.from('\r\n')
/** `$16777216\r\n` is the longest length. */
const MAX_LENGTH_DIGITS = 8
const ZERO = 48

/** What is published in one turn of the event loop leaves in one write. */
export class Pipeline {
  readonly #write: (parts: readonly Uint8Array[]) => void
  /** `PUBLISH channel $`: what is in front of the length of a frame. */
  readonly #head: Buffer
  readonly #overhead: number
  #frames: Uint8Array[] = []
  #waiting = 0
  #isDue = false

  constructor(channel: string, write: (parts: readonly Uint8Array[]) => void) {
    this.#write = write
    const whole = command('PUBLISH', channel, '')
    this.#head = whole.subarray(0, whole.lastIndexOf('$') + 1)
    this.#overhead = this.#head.length + MAX_LENGTH_DIGITS + 2 * END.length
  }

  /** Bytes that are not written yet. */
  get waiting(): number {
    return this.#waiting
  }

  /** @param frame - does not change afterwards */
  add(frame: Uint8Array): void {
    if (frame.length >= LARGE) {
      this.flush()
      this.#write([this.#head, Buffer.from(`${frame.length}\r\n`), frame, END])
      return
    }
    this.#frames.push(frame)
    this.#waiting += frame.length + this.#overhead
    if (this.#waiting > MAX_BATCH) return this.flush()
    if (this.#isDue) return
    this.#isDue = true
    setImmediate(() => {
      this.#isDue = false
      this.flush()
    })
  }

  flush(): void {
    if (this.#waiting === 0) return
    const batch = Buffer.allocUnsafe(this.#waiting)
    let at = 0
    for (const frame of this.#frames) {
      batch.set(this.#head, at)
      at = writeLength(batch, at + this.#head.length, frame.length)
      batch.set(frame, at)
      at += frame.length
      batch.set(END, at)
      at += END.length
    }
    this.#frames = []
    this.#waiting = 0
    this.#write([batch.subarray(0, at)])
  }
}

/** Returns where the next byte goes. */
function writeLength(batch: Buffer, at: number, length: number): number {
  let end = at + 1
  for (let rest = length; rest >= 10; rest = Math.floor(rest / 10)) end++
  for (let digit = end - 1, rest = length; digit >= at; digit--, rest = Math.floor(rest / 10))
    batch[digit] = ZERO + (rest % 10)
  batch.set(END, end)
  return end + END.length
}
