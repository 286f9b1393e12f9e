import type {
  HttpRequest,
  HttpResponse,
  TemplatedApp,
  us_socket_context_t,
  UwsModule,
  WebSocketBehavior,
} from './uws-module.ts'

/** @param own - the context of the route that was asked */
type Upgrade = (res: HttpResponse, req: HttpRequest, own: us_socket_context_t) => void

/** What is agreed on, and the context that keeps to it. */
interface Agreement {
  readonly extensions: string
  readonly context: us_socket_context_t
}

/**
 * Kinds of sockets, by how they compress; uWebSockets.js ties that to the route. Those that do not compress are of one
 * that cannot, because a publish takes 0.1 us longer for a socket that could, whether it does or not. Most others share
 * a compressor without context takeover, whose window is 15 bits; asked for less, it would agree and not keep to it. So
 * who asks for a window gets a compressor of its own, of 9 bits: the same or smaller, as RFC 7692 7.1.2.1 wants it. That
 * one goes on from message to message; for the window of 15 bits without takeover the shared one is right, which leaves
 * the parameter out.
 *
 * uWebSockets.js picks the kind by the path, before the engine has decided; but the context, which it shows here only,
 * serves any upgrade. The routes with a name in them come first, and pass requests on until all contexts are known.
 */
export class SocketKinds {
  readonly #uws: UwsModule
  #plain: us_socket_context_t | undefined
  #narrow: us_socket_context_t | undefined
  #shared: us_socket_context_t | undefined

  constructor(uws: UwsModule) {
    this.#uws = uws
  }

  serve<D>(app: TemplatedApp, behavior: Omit<WebSocketBehavior<D>, 'upgrade'>, upgrade: Upgrade): void {
    const { DISABLED, DEDICATED_COMPRESSOR_3KB, SHARED_COMPRESSOR, SHARED_DECOMPRESSOR } = this.#uws
    const first = (learn: (context: us_socket_context_t) => void) => {
      return (res: HttpResponse, req: HttpRequest, context: us_socket_context_t): void => {
        learn(context)
        if (this.#shared) upgrade(res, req, context)
        else req.setYield(true)
      }
    }
    const plain: WebSocketBehavior<D> = {
      ...behavior,
      compression: DISABLED,
      upgrade: first((context) => (this.#plain = context)),
    }
    const narrow: WebSocketBehavior<D> = {
      ...behavior,
      compression: DEDICATED_COMPRESSOR_3KB | SHARED_DECOMPRESSOR,
      upgrade: first((context) => (this.#narrow = context)),
    }
    app.ws<D>('/:first', plain)
    app.ws<D>('/:first/*', plain)
    app.ws<D>('/:second', narrow)
    app.ws<D>('/:second/*', narrow)
    app.ws<D>('/*', {
      ...behavior,
      compression: SHARED_COMPRESSOR | SHARED_DECOMPRESSOR,
      upgrade: (res, req, context) => {
        // The path `/` comes here at once, maybe before the other contexts are known.
        if (this.#narrow) this.#shared = context
        upgrade(res, req, context)
      },
    })
  }

  agree(extensions: string, own: us_socket_context_t): Agreement {
    if (!extensions) return { extensions, context: this.#plain ?? own }
    if (!asksForWindow(extensions)) return { extensions, context: this.#shared ?? own }
    return this.#narrow ? { extensions, context: this.#narrow } : { extensions: '', context: own }
  }
}

function asksForWindow(offer: string): boolean {
  return offer.includes('server_max_window_bits') && !offer.includes('server_no_context_takeover')
}
