import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { GROUPS } from './cases.ts'
import { NOTES } from './exceptions.ts'

/** Where `npm run conformance` collects what it makes docs/conformance.md from; `undefined` in `npm test`. */
const FOLDER = process.env['SIDEWIRE_CONFORMANCE']

export function report(name: string, content: unknown): void {
  if (FOLDER !== undefined) writeFileSync(join(FOLDER, `${name}.json`), JSON.stringify(content))
}

/** The table without what is sent and expected. */
export function reportTable(): void {
  const groups = GROUPS.map(({ id, title, cases }) => ({
    id,
    title,
    cases: cases.map(([caseId, caseTitle, , , rfc]) => ({ id: caseId, title: caseTitle, rfc })),
  }))
  report('table', { groups, notes: NOTES })
}
