import type { SendStatus } from '../runtime.ts'

/** The backend of one connection, as handlers see it: `conn.upstream`. */
export interface UpstreamConnection {
  /** What was asked, path and query included. */
  readonly url: string
  /** The one that the backend chose, `''` for none. */
  readonly subprotocol: string
  /** Bytes that wait because the backend reads slowly. */
  readonly bufferedAmount: number
  /**
   * Sends a message to the backend, in the same forms as `conn.send`. Past `maxQueue` the client is closed with 1013, and the
   * backend with 1001, so a message is never skipped silently.
   * @throws `ERR_SERIALIZE`; nothing is sent then
   */
  send(data: unknown): SendStatus
  /**
   * Closes the connection to the backend, behind what was sent before; the client gets what the backend answers, which is the same
   * code most often.
   * @param code - 1000-1003, 1007-1014 or 3000-4999. @defaultValue 1000
   * @throws `ERR_CLOSE_CODE` for any other code
   */
  close(code?: number, reason?: string): void
}
