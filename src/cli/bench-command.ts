import { Argument, Option, type Command } from 'commander'
import { DEFAULT_MESSAGE } from '../load/message-template.ts'
import { SCENARIOS } from '../load/options.ts'
import { PROTOCOLS } from '../load/protocols/protocol.ts'
import type { benchAgent } from './bench-agent.ts'
import type { benchCompare } from './bench-compare.ts'
import type { bench } from './bench.ts'
import { examples, mistakesOf } from './command-line.ts'
import {
  collect,
  toAddresses,
  toCount,
  toHeaders,
  toListen,
  toRate,
  toSeconds,
  toSecondsOrNone,
  toShare,
  toSizes,
  toSpeed,
} from './flag-values.ts'

/** `sidewire bench`, and what is asked of it. */
export function addBench(program: Command): void {
  const command = program
    .command('bench')
    .configureOutput(mistakesOf('sidewire bench'))
    .description('Measure a WebSocket server, and check that it loses, doubles and reorders nothing.')
    .argument('<url>', 'such as ws://localhost:8787/api/ws/echo')
    .addArgument(
      new Argument(
        '[scenario]',
        'echo: request and reply; fanout: broadcasts; connect: handshakes; idle: connections that are held; script: your own protocol; replay: the clients of a recording',
      )
        .choices(SCENARIOS)
        .default('echo'),
    )
    .argument(
      '[file]',
      'the script, TypeScript or JavaScript: export default defineScript({ ... }); or the recording',
    )
    .option(
      '--connections <n>',
      'connections; fanout: receivers (default: 10, fanout 100, idle 1000)',
      toCount,
    )
    .option('--senders <n>', 'fanout: connections that send, besides the receivers (default: 1)', toCount)
    .option(
      '--duration <seconds>',
      'how long it is measured (default: 10, or what the stages take)',
      toSeconds,
    )
    .option(
      '--warmup <seconds>',
      'load before that, which is checked, but not measured; with --stage the beginning of the stages (default: 1, with --stage 0)',
      toSecondsOrNone,
    )
    .option(
      '--stage <stage>',
      "a duration and what the load is at its end, in a straight line from the stage before: '30s:500/s' (messages a second, as --rate) or '30s:200c' (connections); may be repeated",
      collect,
      [],
    )
    .option(
      '--connect-rate <n>',
      'handshakes a second, at most, while connections are opened (default: no limit)',
      toCount,
    )
    .option(
      '--expect <threshold>',
      "what has to hold, or the exit code is 1: 'p99<20ms', 'rate>=10k', 'lost==0', 'refused<1%'; in every window of 5 s: 'p99<20ms@5s'; to end the run once it is broken: 'p99<20ms!'; may be repeated",
      collect,
      [],
    )
    .option(
      '--size <bytes>',
      "bytes of a message, or the smallest and the largest: '64-1024' draws each size (default: 64, or what --message needs)",
      toSizes,
    )
    .option('--seed <n>', 'what sizes are drawn from: the same sizes in the same order', toCount, 1)
    .option(
      '--local-ips <list>',
      "addresses of this machine that connections come from, in turns: '127.0.0.2,127.0.0.3'; each has some 28,000 ports for a server (default: the system chooses)",
      toAddresses,
    )
    .option(
      '--rate <n>',
      'open loop: messages a second in all, due at fixed times, from which latency counts',
      toRate,
    )
    .option('--window <n>', 'closed loop: messages under way per connection (default: 1)', toCount)
    .option('--speed <x>', 'replay: how many times as fast as it was recorded (default: 1)', toSpeed)
    .option('--join <text>', 'what each connection sends first, to join a room for example')
    .option('--message <text>', '{id} identifies a message, {pad} fills it up', DEFAULT_MESSAGE)
    .option('--timeout <seconds>', 'a message without a reply for as long is lost', toSeconds, 5)
    .addOption(
      new Option(
        '--protocol <name>',
        'what echo, script and idle speak on top of WebSocket; --message is then an event with its data, or an operation (default: none)',
      ).choices(PROTOCOLS),
    )
    .option('--subprotocol <name>', 'subprotocol to ask for')
    .option('--header <line>', "a header of the handshake, 'Name: value'; may be repeated", toHeaders, [])
    .option('--compress', 'negotiate permessage-deflate, and compress')
    .option('--tls-insecure', 'do not check the certificate')
    .option('--workers <n>', 'threads of the generator', toCount, 1)
    .option('--pid <pid>', 'idle: the process of the server, whose memory is reported', toCount)
    .option(
      '--repeat <n>',
      'runs; the report is that of the one in the middle, with all (default: 1, with --against 5)',
      toCount,
    )
    .option(
      '--against <url>',
      'another server, run in turns with this one: the ratio of both, with its range',
    )
    .option(
      '--find <threshold>',
      "find the highest --rate that holds it, such as 'p99<20ms': doubling, then halving, each step for --duration",
    )
    .option(
      '--agents <n>',
      'wait for so many agents, which make the load (default: this process does)',
      toCount,
    )
    .option(
      '--listen <address>',
      "with --agents: where they come to, '0.0.0.0:8790' (default: 127.0.0.1:8790)",
      toListen,
    )
    .option('--token <token>', 'with --agents: what they have to know (default: drawn, and shown)')
    .option('--json <file>', "write the report as JSON; '-' is standard output")
    .option('--html <file>', "write the report as a page with charts; '-' is standard output")
    .option('--csv <file>', 'write a row for each second')
    .option('--junit <file>', 'write the expectations as test cases')
    .option(
      '--summary [file]',
      'append the report as Markdown; without a file to GITHUB_STEP_SUMMARY, which GitHub shows (default: off)',
    )
    .option('--compare <file>', 'compare with an earlier report that --json wrote')
    .option(
      '--show-secrets',
      'show values of headers, of the query, of --join and of tokens in reports and errors',
    )
    .addHelpText('after', EXIT_CODES)
    // Commander's own is 1, which says here that a check of the run failed.
    .exitOverride(({ exitCode }) => process.exit(exitCode === 0 ? 0 : 2))
    .addHelpText(
      'after',
      examples([
        'bench ws://localhost:8787/api/ws/echo',
        'bench ws://localhost:8787/api/ws/echo --rate 1000 --html report.html',
        `bench ws://localhost:8787/api/ws/chat fanout --join '{"type":"join"}' --message '{"type":"message","username":"{id}"}'`,
        'bench ws://localhost:8787/api/ws/echo idle --connections 5000',
        'bench wss://example.com/socket script protocol.ts',
        "bench ws://localhost:8787/api/ws/echo --stage 30s:1000/s --stage 1m:1000/s --expect 'p99<20ms' --junit bench.xml",
        'bench ws://localhost:8787/ws/orders replay recording.jsonl --connections 100 --speed 10',
      ]),
    )
    .enablePositionalOptions()
    .action(async (...args: Parameters<typeof bench>) => (await import('./bench.ts')).bench(...args))
  command
    .command('agent')
    .configureOutput(mistakesOf('sidewire bench agent'))
    .description('Make a part of the load of a `sidewire bench --agents` on another machine.')
    .argument('<coordinator>', 'where that listens, such as ws://10.0.0.5:8790')
    .requiredOption('--token <token>', 'of the coordinator; has to be there')
    .option('--script <file>', 'a copy of the script of the run: only a file that is named here is run')
    .option('--name <text>', 'what it is called in the report (default: the name of the machine)')
    .option('--tls-insecure', 'do not check the certificate of the coordinator')
    .exitOverride(({ exitCode }) => process.exit(exitCode === 0 ? 0 : 2))
    .addHelpText('after', examples(['bench agent ws://10.0.0.5:8790 --token s3cret']))
    .action(async (...args: Parameters<typeof benchAgent>) =>
      (await import('./bench-agent.ts')).benchAgent(...args),
    )
  command
    .command('compare')
    .configureOutput(mistakesOf('sidewire bench compare'))
    .description('Compare reports that --json wrote: those before a -- with those behind it.')
    .argument('<files...>', 'before.json -- after.json; each side may be several, or runs of --repeat')
    .option('--tolerance <share>', "what differs by less is the same, such as '3%' (default: 5%)", toShare)
    .option('--html <file>', "write both sides as a page with charts; '-' is standard output")
    .option('--force', 'compare runs that were asked for different things')
    .exitOverride(({ exitCode }) => process.exit(exitCode === 0 ? 0 : 2))
    .addHelpText(
      'after',
      `\nExit codes: 0 nothing is worse, 1 something is, 2 wrong usage, 3 the generator was the limit of a run.\n${examples(
        [
          'bench compare before.json -- after.json',
          'bench compare base-*.json -- new-*.json --tolerance 3% --html compare.html',
        ],
      )}`,
    )
    .action(async (...args: Parameters<typeof benchCompare>) =>
      (await import('./bench-compare.ts')).benchCompare(...args),
    )
}

const EXIT_CODES = `
Exit codes: 0 all is fine, 1 a check of the run failed or an --expect does not hold (or there was no run: nobody
listens, all refused), 2 wrong usage, 3 the generator was the limit, and an --expect does not hold or --compare was
asked for, 130 after Ctrl-C (143 after SIGTERM), with the report of what was measured.`
