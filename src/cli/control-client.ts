import { SidewireError } from '../engine/errors.ts'

/** Asks the control endpoint of a server: see docs/reference/control.md. */
export class ControlClient {
  readonly #base: URL
  readonly #token: string | undefined

  /** @throws `ERR_CONTROL` for what is no URL of a server */
  constructor(url: string, token: string | undefined) {
    const http = url.replace(/^ws(s?):/i, 'http$1:')
    if (!URL.canParse(http) || !/^https?:$/.test(new URL(http).protocol))
      throw new SidewireError(
        'ERR_CONTROL',
        `${JSON.stringify(url)} is no URL of a server, such as http://localhost:8787`,
      )
    this.#base = new URL('/.sidewire/', http)
    this.#token = token
  }

  /** @throws `ERR_CONTROL`, with what the server says, or why nobody does */
  async ask<T>(
    path: string,
    command?: unknown,
    method: string = command === undefined ? 'GET' : 'POST',
  ): Promise<T> {
    const url = new URL(path, this.#base)
    let response: Response
    try {
      response = await fetch(url, {
        method,
        headers: this.#token === undefined ? {} : { Authorization: `Bearer ${this.#token}` },
        ...(command !== undefined && { body: JSON.stringify(command) }),
      })
    } catch (error) {
      const { cause, message } = error as Error & { cause?: { code?: string } }
      throw new SidewireError('ERR_CONTROL', `nobody answers at ${url.origin} (${cause?.code ?? message})`, {
        cause: error,
      })
    }
    const text = await response.text()
    const answer = parse(text)
    if (response.ok && answer !== undefined) return answer as T
    const { error } = (answer ?? {}) as { error?: { message?: string } }
    const why = error?.message ?? `HTTP ${response.status}; was it started with --control?`
    throw new SidewireError('ERR_CONTROL', `${url.origin} refused: ${why}`)
  }
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text) as unknown
  } catch {
    return undefined
  }
}
