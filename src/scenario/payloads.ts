import type { Stage } from '../engine/play.ts'
import type { Payload } from '../engine/runtime.ts'

/** What a scenario sends without a function: serialised once. */
export class Payloads {
  readonly #known = new WeakMap<object, Payload>()

  /** @param place - the step, or the entry of `every` */
  of(place: object, data: unknown, stage: Stage): Payload {
    const known = this.#known.get(place)
    if (known !== undefined) return known
    const payload = stage.encode(data)
    this.#known.set(place, payload)
    return payload
  }
}
