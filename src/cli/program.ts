import { Argument, Command, InvalidArgumentError, Option } from 'commander'
import { readVersion } from '../server/version.ts'
import type { checkAsyncApi, exportToFile } from './asyncapi.ts'
import { addBench } from './bench-command.ts'
import { examples, mistakesOf } from './command-line.ts'
import { CONFIG_NAME } from './config-name.ts'
import type { convert } from './convert.ts'
import type { record } from './record.ts'
import type { init } from './init.ts'
import type { faults } from './faults.ts'
import { toRefusal, toSpan, toTime, toWhich } from './fault-flags.ts'
import {
  collect,
  collectKeys,
  toBytes,
  toCount,
  toHeaders,
  toMs,
  toPort,
  toSpeed,
  toWorkers,
} from './flag-values.ts'
import type { replay } from './replay.ts'
import type { send } from './send.ts'
import type { serve } from './serve.ts'
import type { tail } from './tail.ts'

/** A command is loaded when it is asked for: serving needs no histograms, and measuring no server. */
export function createProgram(): Command {
  const program = new Command('sidewire')
    .description('One WebSocket engine for people who build and test real-time frontends.')
    .version(readVersion())
    // What stands behind the name of a command is that command's: `bench compare` has an --html of its own.
    .enablePositionalOptions()
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
  addBench(program)
  return program
}

/** It may stand alone, and then what comes behind it would be the token. */
function toControlToken(text: string): string {
  if (!/\.[cm]?[jt]s$/.test(text)) return text
  throw new InvalidArgumentError(
    `it is the name of a config, which stands before it: sidewire serve ${text} --control`,
  )
}
