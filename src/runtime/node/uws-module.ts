import type {
  HttpRequest,
  HttpResponse,
  us_listen_socket,
  us_socket_context_t,
  WebSocket,
  WebSocketBehavior,
} from 'uWebSockets.js'

export type { HttpRequest, HttpResponse, us_listen_socket, us_socket_context_t, WebSocket, WebSocketBehavior }

/** What is used of the module; the repack's own types leave out its constants and one form of `listen`. */
export interface UwsModule {
  readonly DISABLED: number
  readonly SHARED_COMPRESSOR: number
  readonly DEDICATED_COMPRESSOR_3KB: number
  readonly SHARED_DECOMPRESSOR: number
  /** Without it uWebSockets.js shares a port that is in use (SO_REUSEPORT). */
  readonly LIBUS_LISTEN_EXCLUSIVE_PORT: number
  App(): TemplatedApp
  SSLApp(options: { cert_file_name: string; key_file_name: string }): TemplatedApp
  us_socket_local_port(socket: us_listen_socket): number
  us_listen_socket_close(socket: us_listen_socket): void
}

export interface TemplatedApp {
  ws<D>(pattern: string, behavior: WebSocketBehavior<D>): TemplatedApp
  /** Called with 1 when a connection opens, before its request, and mostly with -1 when it ends. */
  filter(handler: (res: HttpResponse, change: number) => void): TemplatedApp
  /** Seconds for the head of a request. Only some builds have it, whose own time is another one. */
  setIdleTimeout?(seconds: number): TemplatedApp
  any(pattern: string, handler: (res: HttpResponse, req: HttpRequest) => void): TemplatedApp
  listen(
    host: string,
    port: number,
    options: number,
    done: (socket: us_listen_socket | false) => void,
  ): TemplatedApp
  publish(topic: string, message: string | Uint8Array, isBinary: boolean, compress: boolean): boolean
  numSubscribers(topic: string): number
  close(): TemplatedApp
}
