/** What is recorded of a connection, and where to. */
export interface RecordOptions {
  /**
   * The file, JSON Lines; `{date}` in its name becomes the time of the start (`2026-11-25T20-00-00-000`), and folders that are
   * missing are made. One that exists already is an error, unless `overwrite`.
   */
  file: string
  /** Takes the place of a file that exists. @defaultValue false */
  overwrite?: boolean
  /** Bytes of the file; before it gets larger the recording stops, and an error in the log says so. @defaultValue 256 MiB */
  maxBytes?: number
  /**
   * Headers of the handshake that are kept beside `origin`, `user-agent` and `sec-websocket-*`; their values are redacted as
   * all others are. @defaultValue []
   */
  headers?: readonly string[]
  /**
   * `false` writes everything as it is. Else `keys` are redacted besides those that look like secrets, upper and lower case
   * being one, and `custom` gets every text first; what throws there leaves the text out. @defaultValue {}
   */
  redact?: false | { keys?: readonly string[]; custom?: (text: string, from: 'client' | 'server') => string }
}
