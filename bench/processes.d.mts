export interface Contestant {
  readonly title: string
  /** A program and its arguments. */
  readonly command: readonly [string, readonly string[]]
  readonly control?: string
  readonly client?: 'socket-io'
  readonly port?: number
}

export class Server {
  static start(contestant: Pick<Contestant, 'command'>): Promise<Server>
  readonly ports: readonly number[]
  cpu(): Promise<{ readonly cpu: number; readonly at: number }>
  ask(question: 'cpu'): Promise<{ readonly cpu: number; readonly at: number }>
  ask(question: 'memory'): Promise<{ readonly rss: number; readonly held: number; readonly at: number }>
  stop(): Promise<void>
}
