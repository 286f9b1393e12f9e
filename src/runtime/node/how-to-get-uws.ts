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

/** For which machines there are builds, ours and the official ones alike. */
const MACHINES = new Set(['linux-x64', 'linux-arm64', 'darwin-x64', 'darwin-arm64', 'win32-x64'])
/** The newest Node that the repack among our dependencies has a binary for. */
const OURS_UP_TO = 22
const OUR_GLIBC = '2.27'
const OFFICIAL = 'uNetworking/uWebSockets.js#v20.67.0'
const OFFICIAL_FOR = [22, 24, 26]
const OFFICIAL_GLIBC = '2.38'
const TO_SILENCE = "runtime: 'ws' asks for it without this line"

/** How to get the native runtime here, in one line: only what works on this machine, this Node and this npm. */
export function howToGetUws({ platform, arch, node, glibc, npm }: Place): string {
  if (!MACHINES.has(`${platform}-${arch}`)) return `it has no build for ${platform}-${arch}; ${TO_SILENCE}`
  const isLinux = platform === 'linux'
  if (isLinux && glibc === undefined)
    return `its builds need glibc, which Debian and Ubuntu have and Alpine has not; ${TO_SILENCE}`
  if (node <= OURS_UP_TO) {
    if (isLinux && isOlder(glibc, OUR_GLIBC))
      return `its builds need glibc ${OUR_GLIBC} or newer, and this is ${glibc}; ${TO_SILENCE}`
    return 'it has a build for this machine, and the file is missing or damaged: remove node_modules and install again'
  }
  if (isLinux && isOlder(glibc, OFFICIAL_GLIBC))
    return (
      `with glibc ${glibc}, which this system has, Node ${OURS_UP_TO} loads it; ` +
      `for newer ones it needs ${OFFICIAL_GLIBC} (Debian 13, Ubuntu 24.04)`
    )
  if (!OFFICIAL_FOR.includes(node))
    return `it has builds for Node ${OFFICIAL_FOR.join(', ')}, not for ${node}`
  return howToInstall(npm)
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
    return `npm install ${OFFICIAL} brings the official build (npm 12 and newer: with --allow-git=root)`
  return `npm install ${npm >= 12 ? '--allow-git=root ' : ''}${OFFICIAL} brings the official build`
}

function isOlder(version: string | undefined, than: string): boolean {
  return (version ?? '0').localeCompare(than, 'en', { numeric: true }) < 0
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
