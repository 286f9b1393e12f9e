import { readHeaders } from './request.ts'
import type { RawRequest } from '../runtime.ts'
import type { Tap } from '../tap.ts'
import type { Ruling } from './upgrades.ts'

/** Tells the tap of a handshake that is refused, when that is known. */
export function tellRefusal(
  tap: Tap,
  { url, remoteAddress, rawHeaders }: Pick<RawRequest, 'url' | 'remoteAddress' | 'rawHeaders'>,
  pattern: string | undefined,
  ruling: Ruling | Promise<Ruling>,
): void {
  if (ruling instanceof Promise)
    return void ruling.then((made) => tellRefusal(tap, { url, remoteAddress, rawHeaders }, pattern, made))
  if (ruling.accept && !ruling.data.rejection) return
  const { origin } = readHeaders(rawHeaders).headers
  const seen = { type: 'refused', pattern, url, remoteAddress, origin } as const
  if (!ruling.accept) {
    const { answer } = ruling
    const told = answer && { status: answer.status, body: String(answer.body) }
    tap.tell({ ...seen, reason: ruling.reason, answer: told, close: undefined })
  } else if (ruling.data.rejection)
    tap.tell({
      ...seen,
      reason: ruling.reason ?? 'authenticate',
      answer: undefined,
      close: ruling.data.rejection,
    })
}
