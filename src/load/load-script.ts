/** One connection of a load script. */
export interface ScriptClient<Data = unknown> {
  /** 0 to `--connections` - 1. */
  readonly index: number
  /** Yours: whatever the script wants to keep with the connection. */
  data: Data | undefined
  /** Sends something that is not measured: a string as text, bytes as binary, everything else as JSON text. */
  send(data: unknown): void
  /** Closes with 1000. */
  close(): void
}

/** A protocol to measure: `sidewire bench <url> script <file>`. Its functions have to answer at once. */
export interface LoadScript<Data = unknown> {
  /** The connection is open. */
  onOpen?(client: ScriptClient<Data>): void
  /**
   * What to send as message number `n` of this connection, 0 first; as `send` does. `undefined`: nothing, and `n` is asked
   * for again after the next message, or when the next one is due.
   */
  next(client: ScriptClient<Data>, n: number): unknown
  /**
   * A message came: text as a string, binary as a `Buffer`. Return the `n` that it answers, which is then measured, and
   * checked for loss, order and doubles; return nothing if it answers none.
   * @defaultValue every message answers the oldest that has no answer
   */
  onMessage?(client: ScriptClient<Data>, data: string | Buffer): number | undefined | void
}

/** Identity, for a typed script file. `Data` is what the script keeps in `client.data`. */
export function defineScript<Data = unknown>(script: LoadScript<Data>): LoadScript<Data> {
  return script
}
