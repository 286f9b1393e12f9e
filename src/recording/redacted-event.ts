import { contentOf, textOf, type RecordedEvent } from './format.ts'
import type { Redaction } from './redaction.ts'

/** What a recording has of it. */
export function redactedEvent(event: RecordedEvent, redaction: Redaction): RecordedEvent {
  switch (event.type) {
    case undefined: {
      const text = textOf(event)
      if (text === undefined) return event
      const { from, isCut } = event
      return { from, ...contentOf(redaction.text(text, from)), ...(isCut && { isCut }) }
    }
    case 'open': {
      const { path, offered, protocol, headers = {} } = event
      const kept = redaction.headers(headers)
      const [chosen] = redaction.subprotocols(protocol === undefined ? [] : [protocol])
      return {
        type: event.type,
        path: redaction.url(path),
        ...(offered && { offered: redaction.subprotocols(offered) }),
        ...(chosen !== undefined && { protocol: chosen }),
        ...(Object.keys(kept).length > 0 && { headers: kept }),
      }
    }
    case 'close':
      return event.reason === undefined
        ? event
        : { ...event, reason: redaction.text(event.reason, event.from === 'client' ? 'client' : 'server') }
    case 'refused':
    default:
      return {
        ...event,
        path: redaction.url(event.path),
        ...(event.body !== undefined && { body: redaction.text(event.body, 'server') }),
      }
  }
}
