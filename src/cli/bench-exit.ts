/** What scripts and CI go by; docs/reference/cli.md and `--help` say the same. */
export const EXIT = { fine: 0, failed: 1, usage: 2, limited: 3, interrupted: 130, terminated: 143 } as const
