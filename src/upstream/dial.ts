import { textAnswer } from '../engine/handshake/handshake.ts'
import type { HttpAnswer } from '../engine/runtime.ts'
import type { Dial, Dialling, DialOutcome } from '../engine/upstream/backend.ts'
import { urlToShow } from '../engine/upstream/upstream.ts'
import type { Answer } from '../wire/answer.ts'
import { ClientSocket, type End } from '../wire/client-socket.ts'
import { BackendSocket } from './backend-socket.ts'
import { headersFor } from './headers.ts'
import type { Recorder } from '../recording/recorder.ts'
import type { Recordings } from './recordings.ts'
import type { Target } from '../wire/target.ts'
import { tokens } from '../engine/handshake/request.ts'

/**
 * Asks a backend for a connection, in the name of one client.
 * @param recorder - the handler's own
 */
export function dialBackend(
  { upstream, req, maxPayload }: Dial,
  target: Target,
  recordings: Recordings,
  recorder?: Recorder,
): Dialling {
  const { insecure = false, ca, servername } = upstream.tls
  let settle: (outcome: DialOutcome) => void
  const outcome = new Promise<DialOutcome>((resolve) => {
    settle = resolve
  })
  let backend: BackendSocket | undefined
  const socket = new ClientSocket(
    {
      target,
      protocols: upstream.subprotocols ?? tokens(req.headers['sec-websocket-protocol']),
      headers: headersFor(req, upstream, target),
      deflate: upstream.compression,
      tls: {
        rejectUnauthorized: !insecure,
        ...(ca !== undefined && { ca }),
        ...(servername !== undefined && { servername }),
      },
      // Both are the engine's, by its own clock.
      handshakeTimeout: Infinity,
      closeTimeout: Infinity,
      maxPayload,
      checksText: true,
    },
    {
      open(opened, answer) {
        backend = new BackendSocket(target.url, req, opened, answer)
        recordings.connected(backend, recorder)
        settle({ backend })
      },
      message: (bytes, start, end, isText) => backend?.message(bytes, start, end, isText),
      ended(end) {
        if (backend) {
          recordings.ended(backend)
          return backend.ended(end)
        }
        const { answer, status, why } = refusalOf(end, urlToShow(target.url))
        const told = status === undefined ? {} : { status, body: String(answer.body) }
        recordings.refused({ path: req.url, ...told }, recorder)
        return settle({ backend: undefined, answer, why })
      },
    },
  )
  return { outcome, cancel: () => socket.destroy() }
}

/** Of a refusal, what is between the client and the backend; the rest is between neighbours, or ours. */
const PASSED_ON = ['content-type', 'content-encoding', 'www-authenticate', 'retry-after', 'location'] as const

interface Refused {
  /** For the client. */
  readonly answer: HttpAnswer
  /** Of the backend's own answer. */
  readonly status: number | undefined
  readonly why: string | undefined
}

function refusalOf({ answer, why, error }: End, url: string): Refused {
  // Fetch, and so Bun, has no answer below 200, and none above 599.
  if (answer && answer.status >= 200 && answer.status <= 599)
    return {
      answer: { status: answer.status, headers: headersOf(answer), body: answer.body },
      status: answer.status,
      why: undefined,
    }
  const { code = '' } = (error ?? {}) as NodeJS.ErrnoException
  const cure = /CERT|SIGNATURE/.test(code)
    ? '; give its certificate to the handler as upstream: { tls: { ca } }, or set insecure: true there'
    : ''
  const story = `${url}: ${why}${cure}`
  return { answer: textAnswer(502, `The backend cannot be reached: ${story}`), status: undefined, why: story }
}

function headersOf(answer: Answer): Record<string, string> {
  const headers: Record<string, string> = {}
  for (const name of PASSED_ON) {
    const value = answer.headers[name]
    if (value !== undefined) headers[name] = value
  }
  // Half of what is compressed is nothing.
  if (!answer.isWhole) delete headers['content-encoding']
  return headers
}
