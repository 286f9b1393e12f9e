import { stripVTControlCharacters } from 'node:util'
import type { ErrorPayload, ViteDevServer } from 'vite'

type Failure = Error & Partial<Pick<ErrorPayload['err'], 'id' | 'frame' | 'loc'>>

/** The one error of ours that Vite's overlay shows in the open pages, and in those that are opened later. */
export class ErrorOverlay {
  readonly #server: ViteDevServer
  #payload: ErrorPayload | undefined

  constructor(server: ViteDevServer) {
    this.#server = server
    server.ws.on('connection', this.#greet)
  }

  show(file: string, error: Failure): void {
    const { message, stack = '', id, frame, loc } = error
    const err: ErrorPayload['err'] = {
      message: stripVTControlCharacters(`${file}: ${message}`),
      stack: stripVTControlCharacters(stack),
      plugin: 'sidewire',
    }
    if (id !== undefined) err.id = id
    if (frame !== undefined) err.frame = stripVTControlCharacters(frame)
    if (loc !== undefined) err.loc = loc
    // A page reloads if an overlay is up at the first update that it gets. This is one that says nothing, so that
    // the one of `hide` only takes the overlay away.
    if (!this.#payload) this.#update()
    this.#payload = { type: 'error', err }
    this.#greet()
  }

  hide(): void {
    if (!this.#payload) return
    this.#payload = undefined
    this.#update()
  }

  close(): void {
    this.#server.ws.off('connection', this.#greet)
  }

  readonly #greet = (): void => {
    // Without a page Vite would keep it for the first that comes, mended or not.
    if (this.#payload && this.#server.ws.clients.size > 0) this.#server.ws.send(this.#payload)
  }

  /** What Vite's client takes the overlay away for. */
  #update(): void {
    if (this.#server.ws.clients.size > 0) this.#server.ws.send({ type: 'update', updates: [] })
  }
}
