// `npm run audit`: asks the registry for advisories about everything in the lockfile. Fails on those that SECURITY.md
// does not name, with what it knows of them. Arguments go to npm. It needs a registry that answers such questions, so it
// is no part of `npm test`; without an answer it ends with 2, because that is no clean bill.
import { spawnSync } from 'node:child_process'
import { readFileSync } from 'node:fs'

const { stdout, stderr, error } = spawnSync('npm', ['audit', '--json', ...process.argv.slice(2)], {
  encoding: 'utf8',
  maxBuffer: 64 * 1024 * 1024,
  shell: process.platform === 'win32',
})
const report = readReport(stdout)
if (report.auditReportVersion === 2) judge(report)
else {
  const why = error?.message ?? report.message ?? stderr.trim().split('\n', 1)[0]
  console.error(`no audit: the registry did not answer the question (${why})`)
  process.exitCode = 2
}

function readReport(text) {
  try {
    return JSON.parse(text)
  } catch {
    return {}
  }
}

function judge({ vulnerabilities, metadata }) {
  const { packages } = JSON.parse(readFileSync('package-lock.json', 'utf8'))
  const explanations = readFileSync('SECURITY.md', 'utf8')
  const findings = new Map()
  for (const { nodes, via } of Object.values(vulnerabilities)) {
    // What only depends on something with an advisory has that name there instead of an advisory.
    for (const advisory of via.filter((cause) => typeof cause === 'object')) {
      const id = /GHSA(?:-[0-9a-z]{4}){3}/.exec(advisory.url)?.[0] ?? String(advisory.source)
      const isForUsers = nodes.some((path) => !packages[path]?.dev)
      const before = findings.get(id)
      findings.set(id, { ...advisory, id, isForUsers: isForUsers || before?.isForUsers === true })
    }
  }
  let unexplained = 0
  for (const { id, name, range, severity, title, url, isForUsers } of findings.values()) {
    const isExplained = explanations.includes(id)
    if (!isExplained) unexplained++
    console.log(
      `${isExplained ? 'explained' : 'NOT EXPLAINED'}: ${id}, ${severity}, ${name} ${range}, ` +
        `${isForUsers ? 'installed by users' : 'for development only'}: ${title} (${url})`,
    )
  }
  const { total } = metadata.dependencies
  console.log(`${total} packages, ${findings.size} advisories, ${unexplained} not explained in SECURITY.md`)
  if (unexplained > 0) process.exitCode = 1
}
