/** What decides which build of uWebSockets.js loads. */
export interface Place {
  readonly platform: string
  readonly arch: string
  /** Node's major version. */
  readonly node: number
  /** Of the C library; `undefined` where it is another one, as in Alpine. */
  readonly glibc: string | undefined
  /** The major version of the npm that started this process, if it was one. */
  readonly npm: number | undefined
}

interface Builds {
  /** Node's major versions. */
  readonly nodes: readonly number[]
  /** The machines, and the glibc that each needs; `''` where that is no question. */
  readonly machines: Readonly<Record<string, string>>
}

const desktops = { 'darwin-x64': '', 'darwin-arm64': '', 'win32-x64': '' }

/** The repack among our dependencies. */
const OURS: Builds = {
  nodes: [20, 21, 22],
  machines: { 'linux-x64': '2.27', 'linux-arm64': '2.27', 'linux-arm': '2.28', ...desktops },
}
/**
 * Another repack, newer and as unofficial; docs/reference/runtimes.md says for whom which is better. Exact, as what is vouched
 * for by nobody should not change by itself.
 */
const REGISTRY: Builds & { readonly spec: string } = {
  spec: 'uWebSockets.js@npm:@btc-vision/uwebsockets.js@20.57.0',
  nodes: [20, 22, 24, 25],
  machines: { 'linux-x64': '2.38', 'linux-arm64': '2.38', ...desktops },
}
const OFFICIAL: Builds & { readonly spec: string } = {
  spec: 'uNetworking/uWebSockets.js#v20.67.0',
  nodes: [22, 24, 26],
  machines: { 'linux-x64': '2.38', 'linux-arm64': '2.38', ...desktops },
}
const ALL = [OURS, REGISTRY, OFFICIAL]
const TO_SILENCE = "runtime: 'ws' asks for it without this line"

/** How to get the native runtime here, in one line: only what works on this machine, this Node and this npm. */
export function howToGetUws(place: Place): string {
  const { platform, arch, node, glibc, npm } = place
  const machine = `${platform}-${arch}`
  const forMachine = ALL.filter(({ machines }) => machine in machines)
  if (forMachine.length === 0) return `it has no build for ${machine}; ${TO_SILENCE}`
  if (platform === 'linux' && glibc === undefined)
    return `its builds need glibc, which Debian and Ubuntu have and Alpine has not; ${TO_SILENCE}`
  if (OURS.nodes.includes(node) && loads(OURS, place))
    return 'it has a build for this machine, and the file is missing or damaged: remove node_modules and install again'
  if (REGISTRY.nodes.includes(node) && loads(REGISTRY, place))
    return `npm install -E ${REGISTRY.spec} brings a build for this Node, an unofficial one like ours`
  if (OFFICIAL.nodes.includes(node) && loads(OFFICIAL, place)) return howToInstall(npm)
  const loading = forMachine.filter((builds) => loads(builds, place))
  if (loading.length === 0) {
    const oldest = OURS.machines[machine]
    return `its builds need glibc ${oldest} or newer, and this is ${glibc}; ${TO_SILENCE}`
  }
  const nodes = [...new Set(loading.flatMap((builds) => builds.nodes))].toSorted((a, b) => a - b)
  const newer = forMachine.find((builds) => builds.nodes.includes(node))
  if (newer)
    return (
      `with glibc ${glibc}, which this system has, Node ${nodes.at(-1)} loads it; ` +
      `for newer ones it needs ${newer.machines[machine]} (Debian 13, Ubuntu 24.04)`
    )
  return `it has builds for Node ${nodes.join(', ')} on this machine, not for ${node}`
}

function loads({ machines }: Builds, { platform, arch, glibc }: Place): boolean {
  const needed = machines[`${platform}-${arch}`]
  return needed === '' || (needed !== undefined && glibc !== undefined && !isOlder(glibc, needed))
}

/** As {@link howToGetUws} asks, of this process. */
export function here(): Place {
  const npm = /^npm\/(\d+)\./.exec(process.env['npm_config_user_agent'] ?? '')?.[1]
  return {
    platform: process.platform,
    arch: process.arch,
    node: Number.parseInt(process.versions.node),
    glibc: glibcVersion(),
    npm: npm === undefined ? undefined : Number(npm),
  }
}

/** From npm 12 on a package from a repository has to be allowed (EALLOWGIT); older ones may refuse the option. */
function howToInstall(npm: number | undefined): string {
  if (npm === undefined)
    return `npm install ${OFFICIAL.spec} brings the official build (npm 12 and newer: with --allow-git=root)`
  return `npm install ${npm >= 12 ? '--allow-git=root ' : ''}${OFFICIAL.spec} brings the official build`
}

function isOlder(version: string, than: string): boolean {
  return version.localeCompare(than, 'en', { numeric: true }) < 0
}

/** With its part about the network, the report would ask for the name of each socket's peer: nodejs/node#46060. */
function glibcVersion(): string | undefined {
  const report = process.report as NodeJS.ProcessReport & { excludeNetwork?: boolean }
  const before = report.excludeNetwork ?? false
  report.excludeNetwork = true
  try {
    const { header } = report.getReport() as { header: { glibcVersionRuntime?: string } }
    return header.glibcVersionRuntime
  } finally {
    report.excludeNetwork = before
  }
}
