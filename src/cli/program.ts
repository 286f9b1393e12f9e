import { existsSync } from 'node:fs'
import { Argument, Command, InvalidArgumentError, Option, type OutputConfiguration } from 'commander'
import { MASK, maskTokens } from '../load/mask.ts'
import { DEFAULT_MESSAGE } from '../load/message-template.ts'
import { SCENARIOS } from '../load/options.ts'
import { MAX_CONNECTIONS } from '../load/token.ts'
import type { checkAsyncApi, exportToFile } from './asyncapi.ts'
import type { bench } from './bench.ts'
import { readVersion } from '../server/version.ts'
import { CONFIG_NAME } from './config-name.ts'
import type { convert } from './convert.ts'
import type { record } from './record.ts'
import type { init } from './init.ts'
import type { faults } from './faults.ts'
import { toRefusal, toSpan, toTime, toWhich } from './fault-flags.ts'
import type { replay } from './replay.ts'
import { say } from './report.ts'
import type { send } from './send.ts'
import type { serve } from './serve.ts'
import type { tail } from './tail.ts'

/** A day. */
const MAX_SECONDS = 86_400

/** A command is loaded when it is asked for: serving needs no histograms, and measuring no server. */
export function createProgram(): Command {
  const program = new Command('sidewire')
    .description('One WebSocket engine for people who build and test real-time frontends.')
    .version(readVersion())
    .configureOutput(mistakesOf('sidewire'))
    .addHelpText('after', examples(['serve', 'serve --watch', 'bench ws://localhost:8787/api/ws/echo']))
  program
    .command('serve')
    .configureOutput(mistakesOf('sidewire serve'))
    .description('Serve the handlers of a config or a mock file; without one, a demo to try in a browser.')
    .argument('[config]', `config, or mock file (.ws.yaml, .ws.json); default: ${CONFIG_NAME} here`)
    .option('--port <port>', 'port to listen on, 0 for a free one (default: 8787)', toPort)
    .option('--host <address>', "address to listen on, '0.0.0.0' for all (default: this machine only)")
    .option('--prefix <path>', "path prefix of all handlers, '/' for none (default: /api)")
    .addOption(
      new Option('--runtime <name>', 'what serves (default: auto)').choices(['auto', 'uws', 'ws', 'bun']),
    )
    .addOption(
      new Option('--log-level <level>', 'what is logged (default: info)').choices([
        'silent',
        'error',
        'warn',
        'info',
        'debug',
      ]),
    )
    .option(
      '--control [token]',
      'let `sidewire tail` and `sidewire send` look in and send (default: off)',
      toControlToken,
    )
    .option(
      '--no-inspector',
      'no page at /.sidewire/ that shows what happens (default: on, for this machine)',
    )
    .option(
      '--workers <n>',
      "processes that serve at the same port, 'auto' for one a core (default: 1)",
      toWorkers,
    )
    .option(
      '--broker <url>',
      'what carries broadcasts to other servers: redis://… or nats://… (default: none)',
    )
    .option('--metrics', 'answer Prometheus at /metrics (default: off)')
    .option('--watch', 'reload handlers when the config, or a file that it imports, changes (default: off)')
    .addOption(
      new Option(
        '--perspective <side>',
        'whose document an AsyncAPI document is (default: found out, and said)',
      ).choices(['server', 'client']),
    )
    .option('--seed <text>', 'what the samples of an AsyncAPI document are drawn from (default: 1)')
    .addHelpText(
      'after',
      `\nA flag overrides the config, whose values override the defaults.\n${examples([
        'serve',
        'serve --watch mocks/sidewire.config.ts',
        'serve --watch mocks/prices.ws.yaml',
        'serve --port 0 --log-level debug',
        'serve --workers auto',
        'serve --host 0.0.0.0 --prefix /',
      ])}`,
    )
    .action(async (...args: Parameters<typeof serve>) => (await import('./serve.ts')).serve(...args))
  program
    .command('init')
    .configureOutput(mistakesOf('sidewire init'))
    .description('Write a starter here: a config, a mock in YAML, and one in TypeScript.')
    .argument('[folder]', 'of the mocks, here (default: asked for; mocks where nobody can answer)')
    .option('-y, --yes', 'ask nothing (default: asks)')
    .addHelpText('after', examples(['init', 'init test/mocks --yes']))
    .action(async (...args: Parameters<typeof init>) => (await import('./init.ts')).init(...args))
  program
    .command('record')
    .configureOutput(mistakesOf('sidewire record'))
    .description('Stand in front of a WebSocket server, and write down what passes.')
    .argument('<url>', 'of the server, such as wss://api.example.com/ws')
    .option('-o, --output <file>', 'where to; {date} becomes the time (default: its host and the time, here)')
    .option('--port <port>', 'port to listen on, 0 for a free one (default: 8787)', toPort)
    .option('--origin <origin>', "the Origin that it sees: 'target' or one of yours (default: the page's)")
    .option('--header <line>', "a header of the handshake, 'Name: value'; may be repeated", toHeaders, [])
    .option('--insecure', 'do not check the certificate')
    .option('--redact <key>', 'a key whose values are left out, too; may be repeated', collectKeys, [])
    .option('--no-redact', 'write everything as it is, secrets too (default: they are left out)')
    .addHelpText(
      'after',
      examples([
        'record wss://api.example.com/ws',
        'record ws://localhost:4000/socket -o orders.jsonl --redact pin',
        "record wss://api.example.com/ws --origin target --header 'Cookie: session=...'",
      ]),
    )
    .action(async (...args: Parameters<typeof record>) => (await import('./record.ts')).record(...args))
  program
    .command('replay')
    .configureOutput(mistakesOf('sidewire replay'))
    .description('Be the server of a recording, or of a HAR.')
    .argument('<file>', 'a recording (.jsonl), or a HAR (.har, .har.zip)')
    .addOption(
      new Option('--mode <name>', 'when the server speaks (default: lockstep)').choices([
        'lockstep',
        'clock',
        'lookup',
      ]),
    )
    .option('--speed <factor>', 'how many times as fast, Infinity for at once (default: 1)', toSpeed)
    .option('--max-gap <ms>', 'milliseconds that nothing happens at most (default: as recorded)', toMs)
    .option('--url <text>', 'only connections whose URL contains it')
    .option('--pattern <pattern>', "one for all of them, such as '/ws/orders/{id}' (default: each path)")
    .addOption(
      new Option('--on-mismatch <what>', 'when a client says something else (default: warn)').choices([
        'warn',
        'ignore',
        'close',
      ]),
    )
    .addOption(
      new Option('--on-end <what>', 'when all is played (default: hold)').choices(['hold', 'close', 'loop']),
    )
    .addOption(
      new Option('--exhausted <what>', 'for more clients than were recorded (default: repeat)').choices([
        'repeat',
        'refuse',
      ]),
    )
    .option('--port <port>', 'port to listen on, 0 for a free one (default: 8787)', toPort)
    .option('--host <address>', "address to listen on, '0.0.0.0' for all (default: this machine only)")
    .addOption(
      new Option('--runtime <name>', 'what serves (default: auto)').choices(['auto', 'uws', 'ws', 'bun']),
    )
    .option('--watch', 'read the file again when it changes (default: off)')
    .addHelpText(
      'after',
      examples([
        'replay orders.jsonl',
        'replay orders.har --url /ws/ --speed 10 --max-gap 1000',
        "replay orders.jsonl --pattern '/ws/orders/{id}' --on-mismatch close --watch",
      ]),
    )
    .action(async (...args: Parameters<typeof replay>) => (await import('./replay.ts')).replay(...args))
  program
    .command('convert')
    .configureOutput(mistakesOf('sidewire convert'))
    .description('Make a recording of a HAR, or a HAR of a recording, without its secrets.')
    .argument('<in>', 'what is there: .jsonl, .har or .har.zip')
    .argument('<out>', 'what is made: .jsonl, .har or .har.zip')
    .option('--url <text>', 'only connections whose URL contains it')
    .option('--redact <key>', 'a key whose values are left out, too; may be repeated', collectKeys, [])
    .option('--no-redact', 'write everything as it is, secrets too (default: they are left out)')
    .option('--overwrite', 'take the place of a file that exists (default: off)')
    .addHelpText(
      'after',
      examples([
        'convert orders.har orders.jsonl',
        'convert trace.har.zip orders.jsonl --url /ws/orders --redact pin',
        'convert orders.jsonl orders.har',
      ]),
    )
    .action(async (...args: Parameters<typeof convert>) => (await import('./convert.ts')).convert(...args))
  const asyncapi = program
    .command('asyncapi')
    .configureOutput(mistakesOf('sidewire asyncapi'))
    .description('AsyncAPI documents: what a mock makes of one, and one of handlers.')
    .addHelpText('after', examples(['asyncapi check api.yaml', 'asyncapi export -o api.yaml']))
  asyncapi
    .command('check')
    .configureOutput(mistakesOf('sidewire asyncapi check'))
    .description('Print the handlers of a document, what is said on them, and what is odd in it.')
    .argument('<file>', 'an AsyncAPI document, 2.x or 3.x, YAML or JSON')
    .addOption(
      new Option('--perspective <side>', 'whom the document describes (default: auto)').choices([
        'server',
        'client',
        'auto',
      ]),
    )
    .option('--server <name>', 'which of its servers (default: the first for WebSockets)')
    .option('--seed <text>', 'what made values come from (default: 1)')
    .option('--strict', 'exit with 1 when there is a warning')
    .addHelpText(
      'after',
      examples(['asyncapi check api.yaml', 'asyncapi check api.yaml --perspective client --server staging']),
    )
    .action(async (...args: Parameters<typeof checkAsyncApi>) =>
      (await import('./asyncapi.ts')).checkAsyncApi(...args),
    )
  asyncapi
    .command('export')
    .configureOutput(mistakesOf('sidewire asyncapi export'))
    .description('Write an AsyncAPI 3.1 document of the handlers of a config.')
    .argument('[config]', `config file; default: ${CONFIG_NAME} here`)
    .option('-o, --output <file>', 'where to, .yaml or .json (default: YAML to standard output)')
    .option('--title <text>', 'of the API (default: the name of the folder)')
    .option('--api-version <text>', 'of the API', '1.0.0')
    .option('--url <url>', 'of the server, with the prefix (default: ws://localhost:8787 and the prefix)')
    .addOption(
      new Option('--perspective <side>', 'whom the document describes (default: server)').choices([
        'server',
        'client',
      ]),
    )
    .addHelpText(
      'after',
      examples([
        'asyncapi export -o api.yaml',
        'asyncapi export mocks.config.ts --title Orders --api-version 2.1.0',
      ]),
    )
    .action(async (...args: Parameters<typeof exportToFile>) =>
      (await import('./asyncapi.ts')).exportToFile(...args),
    )
  program
    .command('tail')
    .configureOutput(mistakesOf('sidewire tail'))
    .description('Show live what happens on a server that was started with --control.')
    .argument('<url>', 'of the server, such as http://localhost:8787')
    .option('--pattern <pattern>', "of one handler only, such as '/ws/chat'")
    .option('--text <text>', 'only what contains it')
    .option('--json', 'a line of JSON for each')
    .option('--token <token>', 'of --control, where it has one')
    .addHelpText(
      'after',
      examples([
        'tail http://localhost:8787',
        "tail http://localhost:8787 --pattern '/ws/chat' --text welcome",
        'tail http://localhost:8787 --json',
      ]),
    )
    .action(async (...args: Parameters<typeof tail>) => (await import('./tail.ts')).tail(...args))
  program
    .command('send')
    .configureOutput(mistakesOf('sidewire send'))
    .description('Send a message to clients of a server that was started with --control.')
    .argument('<url>', 'of the server, such as http://localhost:8787')
    .argument('<pattern>', "of the handler, such as '/ws/chat'")
    .argument('<text>', 'the message, as it stands')
    .option('--room <name>', 'only to this room; may be repeated', collect, [])
    .option('--token <token>', 'of --control, where it has one')
    .addHelpText(
      'after',
      examples([
        `send http://localhost:8787 '/ws/chat' 'hello'`,
        `send http://localhost:8787 '/ws/chat' '{"type":"welcome"}' --room lobby`,
        `send http://localhost:8787 '/ws/chat' 'hello' --room lobby --room den`,
      ]),
    )
    .action(async (...args: Parameters<typeof send>) => (await import('./send.ts')).send(...args))
  program
    .command('faults')
    .configureOutput(mistakesOf('sidewire faults'))
    .description(
      'Break the network of a server that was started with --control; without an action, list what is broken.',
    )
    .argument('<url>', 'of the server, such as http://localhost:8787')
    .addArgument(
      new Argument('[action]', 'set: switch on, in the place of what was set before; lift: all is well again')
        .choices(['list', 'set', 'lift'])
        .default('list'),
    )
    .argument('[pattern]', "of the handler, such as '/ws/chat'", '*')
    .addOption(
      new Option('--profile <name>', 'a network by its name').choices([
        'slow3g',
        'slow4g',
        'fast4g',
        'flaky',
        'offline',
      ]),
    )
    .option('--latency <ms>', "how long each message takes: '200', or '100-400'", toSpan)
    .option('--bandwidth <bytes>', 'bytes a second', toBytes)
    .option('--stall', 'nothing arrives until it is lifted')
    .option(
      '--drop <which>',
      "messages that are lost: '5%', 'nth:3', 'first:2', 'after:10', 'every:4'",
      toWhich,
    )
    .option('--duplicate <which>', 'messages that arrive twice', toWhich)
    .option('--reorder <which>', 'messages that change places with the next one', toWhich)
    .option('--corrupt <which>', 'messages that arrive damaged', toWhich)
    .option('--incoming', 'the flags above are about messages from the client (default: to the client)')
    .option('--delay <ms>', 'how long the handshake waits', toSpan)
    .option('--refuse <which>', 'handshakes that are refused', toWhich)
    .option('--with <how>', 'with what: an HTTP status, hangup or hang (default: 503)', toRefusal)
    .option('--cut [ms]', 'cut connections, after that time, or at once', toSpan)
    .option('--code <code>', 'close them with that code instead', toCount)
    .option('--half-open', 'connections stay, and carry nothing')
    .option('--seed <text>', 'the same decisions again (default: drawn)')
    .option('--for <time>', "lift it by itself, after '500ms', '10s' or '2m'", toTime)
    .option('--connection <id>', 'only of this connection')
    .option('--token <token>', 'of --control, where it has one')
    .addHelpText(
      'after',
      examples([
        "faults http://localhost:8787 set '/ws/chat' --latency 100-400 --drop 5% --for 10s",
        'faults http://localhost:8787 set --profile offline',
        'faults http://localhost:8787',
        'faults http://localhost:8787 lift',
      ]),
    )
    .action(async (...args: Parameters<typeof faults>) => (await import('./faults.ts')).faults(...args))
  program
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
    .option('--duration <seconds>', 'how long it is measured', toSeconds, 10)
    .option('--warmup <seconds>', 'load before that, which is checked, but not measured', toSecondsOrNone, 1)
    .option('--size <bytes>', 'bytes of a message (default: 64, or what --message needs)', toCount)
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
    .option('--subprotocol <name>', 'subprotocol to ask for')
    .option('--header <line>', "a header of the handshake, 'Name: value'; may be repeated", toHeaders, [])
    .option('--compress', 'negotiate permessage-deflate, and compress')
    .option('--tls-insecure', 'do not check the certificate')
    .option('--workers <n>', 'threads of the generator', toCount, 1)
    .option('--pid <pid>', 'idle: the process of the server, whose memory is reported', toCount)
    .option('--json <file>', "write the report as JSON; '-' is standard output")
    .option('--html <file>', "write the report as a page with charts; '-' is standard output")
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
        'bench ws://localhost:8787/ws/orders replay recording.jsonl --connections 100 --speed 10',
      ]),
    )
    .action(async (...args: Parameters<typeof bench>) => (await import('./bench.ts')).bench(...args))
  return program
}

const EXIT_CODES = `
Exit codes: 0 all is fine, 1 a check of the run failed (or there was no run: nobody listens, all refused),
2 wrong usage, 3 --compare was asked for, and the generator was the limit of one of the runs,
130 after Ctrl-C (143 after SIGTERM), with the report of what was measured.`

function examples(lines: readonly string[]): string {
  return ['', 'Examples:', ...lines.map((line) => `  $ sidewire ${line}`)].join('\n')
}

const collect = (value: string, all: readonly string[]): string[] => [...all, value]

/** `false`: behind `--no-redact`. */
const collectKeys = (value: string, all: readonly string[] | false): string[] => [...(all || []), value]

const toPort = wholeNumber(0, 65_535)
/** It may stand alone, and then what comes behind it would be the token. */
function toControlToken(text: string): string {
  if (!/\.[cm]?[jt]s$/.test(text)) return text
  throw new InvalidArgumentError(
    `it is the name of a config, which stands before it: sidewire serve ${text} --control`,
  )
}

const toCount = wholeNumber(1, MAX_CONNECTIONS)
const toWorkerCount = wholeNumber(1, 1024)
const toWorkers = (text: string): number | 'auto' => (text === 'auto' ? text : toWorkerCount(text))
const toBytes = wholeNumber(1, Number.MAX_SAFE_INTEGER)
const toSeconds = number(
  (value) => value > 0 && value <= MAX_SECONDS,
  `a number of seconds above 0, at most ${MAX_SECONDS}`,
)
const toSecondsOrNone = number(
  (value) => value >= 0 && value <= MAX_SECONDS,
  `a number of seconds from 0 to ${MAX_SECONDS}`,
)
const toMs = number((value) => value <= 2 ** 31, 'a number of milliseconds, 0 or more')
const toFactor = number((value) => value > 0, 'a number above 0, or Infinity')
const toSpeed = (text: string): number => (text === 'Infinity' ? Infinity : toFactor(text))
const toRate = number((value) => value > 0 && value <= 1e8, 'a number of messages a second above 0')

function wholeNumber(min: number, max: number): (text: string) => number {
  return number(
    (value) => Number.isInteger(value) && value >= min && value <= max,
    `a number from ${min} to ${max}`,
  )
}

function number(accepts: (value: number) => boolean, what: string): (text: string) => number {
  return (text) => {
    const value = Number(text)
    if (!/^\d+(?:\.\d+)?$/.test(text) || !accepts(value))
      throw new InvalidArgumentError(`It has to be ${what}.`)
    return value
  }
}

/** RFC 9110 5.5: what a header may be; a line break in it would be another header. */
function toHeaders(line: string, before: readonly string[]): string[] {
  if (!/^[!#$%&'*+\-.^_`|~0-9A-Za-z]+:[\t\x20-\x7e\x80-\xff]*$/.test(line))
    throw new InvalidArgumentError("It has to be a header such as 'X-Tenant: acme'.")
  return [...before, line]
}

/** A mistake in one line, which names the help that has the flags of this command. */
function mistakesOf(command: string): OutputConfiguration {
  return { outputError: (text, write) => write(`${say(oneLine(text, command))}\n`) }
}

/** Commander's own form is a line, and a suggestion in another. */
function oneLine(text: string, command: string): string {
  const [first = '', ...others] = maskTokens(text)
    // The most common mistake is a header without its name: the value alone.
    .replace(/('--header <line>' argument )'[^]*?' (?=is invalid)/, `$1'${MASK}' `)
    .replace(/^error: /, '')
    .trim()
    .split('\n')
  const [, asked = ''] = /^unknown command '(.+)'$/.exec(first) ?? []
  if (existsSync(asked)) others.push(`(Did you mean sidewire serve ${asked}?)`)
  return [first, ...others, `(${command} --help shows what there is)`].join(' ')
}
