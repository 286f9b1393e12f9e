/** Those with users: the long-term ones, and the next. */
export const MAJORS: readonly number[]
/** Finds the newest of a major version, or downloads it; `why` there is none, with the cure. */
export function bringNode(major: number): { command: string; version: string } | { why: string }
