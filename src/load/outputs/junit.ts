import type { Verdict } from '../expect/judge.ts'
import type { Report } from '../report.ts'
import { valueOf } from '../report-text.ts'

/** A test case for the checks of the run, and one for each expectation; what says nothing of the server is skipped. */
export function junitReport(report: Report): string {
  const name = `sidewire bench ${report.scenario} ${report.url}`
  const cases = [
    testCase(
      'nothing lost, doubled, out of order or refused',
      report.ok
        ? ''
        : `<failure message="${escape(report.problems[0] ?? '')}">${escape(report.problems.join('\n'))}</failure>`,
    ),
    ...report.expectations.map((verdict) => testCase(verdict.text, outcomeOf(verdict))),
  ]
  const failures = cases.filter((each) => each.includes('<failure')).length
  const skipped = cases.filter((each) => each.includes('<skipped')).length
  return [
    '<?xml version="1.0" encoding="UTF-8"?>',
    `<testsuites name="sidewire bench" tests="${cases.length}" failures="${failures}" skipped="${skipped}">`,
    `  <testsuite name="${escape(name)}" tests="${cases.length}" failures="${failures}" skipped="${skipped}" errors="0" time="${report.seconds.toFixed(3)}" timestamp="${report.startedAt.slice(0, 19)}">`,
    ...cases.map((each) => each.replaceAll('CLASSNAME', escape(name))),
    '  </testsuite>',
    '</testsuites>',
    '',
  ].join('\n')
}

function testCase(name: string, inside: string): string {
  return `    <testcase classname="CLASSNAME" name="${escape(name)}" time="0">${inside}</testcase>`
}

function outcomeOf(verdict: Verdict): string {
  const { text, ok, valid, at } = verdict
  const where = at === undefined ? '' : `, broken at ${at.toFixed(1)} s`
  if (!valid) return `<skipped message="says nothing of the server: ${escape(valueOf(verdict) + where)}"/>`
  return ok
    ? ''
    : `<failure message="${escape(`${text} does not hold: ${valueOf(verdict)}${where}`)}"></failure>`
}

/** XML 1.0 2.2 has no other control characters, not even as references. */
function escape(text: string): string {
  return text
    .replace(/[^\t\n\r\u{20}-\u{d7ff}\u{e000}-\u{fffd}\u{10000}-\u{10ffff}]/gu, '\u{fffd}')
    .replace(/[&<>"]/g, (character) => `&#${character.charCodeAt(0)};`)
}
