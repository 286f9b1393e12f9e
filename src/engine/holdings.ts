/** What the engine holds for its clients. All of it is gone when the last of them is: the soak run looks. */
export interface Holdings {
  /** Groups of connections that a broadcast can reach. */
  readonly scopes: number
  readonly rooms: number
  /** Unions of rooms that have a topic. */
  readonly unions: number
  /** Topics that the runtime has subscribers for. Slow: it is asked about every topic that there ever was. */
  readonly topics: number
  /** Handshakes that wait for `authenticate`, or for the runtime to open the socket. */
  readonly handshakes: number
  /** Connections to backends, with those whose client has gone and that are not closed yet. */
  readonly upstreams: number
  /** Clients that got their close frame right after the handshake, and have not answered it yet. */
  readonly rejected: number
  /** Clients that have gone, and of which messages still wait. */
  readonly departed: number
}
