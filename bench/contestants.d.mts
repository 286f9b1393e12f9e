import type { Contestant } from './processes.mjs'

export const CONTESTANTS: Readonly<Record<string, Contestant>>
export const VITE_CONTESTANTS: Readonly<Record<string, Contestant>>
