import type { Contestant } from './processes.mjs'

export interface Load {
  readonly scenario: 'echo' | 'fanout' | 'connect' | 'idle'
  readonly connections: number
  readonly window?: number
  readonly size?: number
  readonly compress?: true
}

export function measure(
  entry: Pick<Contestant, 'command' | 'client' | 'port'> & { readonly path: string },
  options: { readonly load: Load; readonly seconds: number; readonly warmup: number },
): Promise<Readonly<Record<string, number | null>>>
