import type { Trouble } from './network.ts'

/** What a client tells its handler to do. */
export type Op =
  | { readonly op: 'join' | 'leave'; readonly room: string }
  | { readonly op: 'broadcast'; readonly to: To; readonly size: number; readonly binary: boolean }
  | { readonly op: 'send'; readonly size: number }
  | { readonly op: 'publish'; readonly rooms: readonly string[] | null; readonly size: number }
  | { readonly op: 'unions'; readonly start: number }
  | { readonly op: 'flood' }
  | { readonly op: 'mark'; readonly number: number }
  | { readonly op: 'close'; readonly who: number; readonly code: number }
  | { readonly op: 'forceClose'; readonly who: number }
  | { readonly op: 'faults'; readonly who: number; readonly trouble: Trouble | null }
  | { readonly op: 'move'; readonly who: number; readonly room: string }

export type To =
  | { readonly kind: 'all' | 'own'; readonly includeSelf: boolean }
  | { readonly kind: 'room'; readonly room: string; readonly includeSelf: boolean }
  | { readonly kind: 'rooms'; readonly rooms: readonly string[]; readonly includeSelf: boolean }

/** What a reload changes. */
export interface Settings {
  readonly scope: 'handler' | 'path'
  readonly compression: boolean
  readonly delay: number
  readonly sequential: boolean
  readonly transform: boolean
  readonly late: boolean
  readonly defaultRoom: string | null
  /** Whether the second handler is there. */
  readonly second: boolean
}

export const FIRST_SETTINGS: Settings = {
  scope: 'handler',
  compression: false,
  delay: 0,
  sequential: false,
  transform: false,
  late: false,
  defaultRoom: null,
  second: true,
}

export const ROOMS: readonly string[] = ['a', 'b', 'c', 'd', 'e', 'f', 'g', '__proto__', ' ']
/** More than a scope keeps as topics: see src/engine/rooms/rooms.ts. */
export const UNIONS = 70
export const FLOOD_MESSAGES = 24
export const FLOOD_BYTES: number = 256 * 1024
/** Floods do not reach the first one; a client of the second one that pauses is ended by any of them. */
export const MAX_BACKPRESSURE: Readonly<Record<'first' | 'second', number>> = {
  first: 512 * 1024 * 1024,
  second: 1024 * 1024,
}
