import { spawnSync } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

/** What a process and all its children asked of the kernel's network. Addresses are `host:port`. */
export interface NetworkUse {
  /** Where they connected to, or sent a datagram to, in order; a name that is looked up is a datagram to its server. */
  readonly reached: readonly string[]
  /** Addresses that sockets were bound to. */
  readonly bound: readonly string[]
  /** Addresses of its own that it asked for, the ports that a bound port 0 became among them. */
  readonly own: readonly string[]
  /** Rings that take requests past the system calls: with one, the rest would prove nothing. */
  readonly rings: number
  readonly programs: readonly string[]
}

/**
 * The system calls of a process, as `strace` sees them: below Node, Bun, native code and children, so that nothing
 * that is sent can be missed. A hook in JavaScript would see none of what uWebSockets.js, Bun and esbuild do.
 */
export class NetworkTrace {
  readonly #folder = mkdtempSync(join(tmpdir(), 'sidewire-trace-'))
  readonly #file = join(this.#folder, 'trace')

  constructor() {
    if (spawnSync('strace', ['-V']).status !== 0)
      throw new Error(
        'this is proven with strace, on Linux; install it (Debian, Ubuntu: apt-get install strace)',
      )
  }

  /** What starts the process. It passes on its exit code, but no signals: see {@link kill}. */
  get through(): readonly string[] {
    const calls = 'trace=%network,execve,io_uring_setup'
    // As a kernel that has no rings answers, and everybody goes on without. libuv has none of its variables for all of
    // them since 1.50 (Node 22 and 24): it takes one for `epoll_ctl` whatever UV_USE_IO_URING is.
    const none = 'inject=io_uring_setup:error=ENOSYS'
    return ['strace', '-f', '-e', calls, '-e', none, '-e', 'signal=none', '-o', this.#file]
  }

  kill(signal: NodeJS.Signals): void {
    // The first call is its execve.
    const pid = Number.parseInt(this.#text, 10)
    if (pid > 0 && !new RegExp(`^${pid} +\\+\\+\\+`, 'm').test(this.#text)) process.kill(pid, signal)
  }

  /** Complete once the process has ended. */
  get use(): NetworkUse {
    const calls = [...this.#text.matchAll(/^\d+ +(\w+)\((.*)$/gm)].map(([, name = '', rest = '']) => ({
      name,
      rest,
    }))
    const addresses = (...names: string[]): string[] =>
      calls.filter(({ name }) => names.includes(name)).flatMap(({ rest }) => addressesIn(rest))
    return {
      reached: addresses('connect', 'sendto', 'sendmsg', 'sendmmsg'),
      bound: addresses('bind'),
      own: addresses('getsockname'),
      rings: [...this.#text.matchAll(/^\d+ +(?:<\.\.\. )?io_uring_setup.*= \d+$/gm)].length,
      programs: calls.flatMap(({ name, rest }) =>
        name === 'execve' ? (/^"([^"]*)"/.exec(rest)?.[1] ?? []) : [],
      ),
    }
  }

  remove(): void {
    this.kill('SIGKILL')
    rmSync(this.#folder, { recursive: true, force: true })
  }

  get #text(): string {
    try {
      return readFileSync(this.#file, 'utf8')
    } catch {
      return ''
    }
  }
}

function addressesIn(call: string): string[] {
  return [...call.matchAll(/sa_family=(\w+)([^}]*)/g)].flatMap(([, family = '', rest = '']) => {
    const [, port = '', host = rest] = /port=htons\((\d+)\).*"([^"]+)"/.exec(rest) ?? []
    if (family === 'AF_INET') return `${host}:${port}`
    if (family === 'AF_INET6') return `[${host}]:${port}`
    // A question to the kernel itself, about its interfaces.
    return family === 'AF_NETLINK' ? [] : `${family}${rest}`
  })
}
