import { readFileSync } from 'node:fs'
import { Command, InvalidArgumentError, Option } from 'commander'
import { say } from './report.ts'
import { serve } from './serve.ts'

export function createProgram(): Command {
  const program = new Command('sidewire')
    .description('One WebSocket engine for people who build and test real-time frontends.')
    .version(readVersion())
    .configureOutput({ outputError: (text, write) => write(`${say(oneLine(text))}\n`) })
  program
    .command('serve', { isDefault: true })
    .description('Serve the handlers of a config file; without one, a demo to try in a browser.')
    .argument('[config]', 'config file; default: sidewire.config.{ts,mts,js,mjs} here')
    .option('--port <port>', 'port to listen on, 0 for a free one', toPort)
    .option('--host <address>', "address to listen on, '0.0.0.0' for all")
    .option('--prefix <path>', "path prefix of all handlers, '/' for none")
    .addOption(new Option('--runtime <name>', 'runtime').choices(['auto', 'uws', 'ws', 'bun']))
    .addOption(
      new Option('--log-level <level>', 'log level').choices(['silent', 'error', 'warn', 'info', 'debug']),
    )
    .option('--watch', 'reload handlers when the config, or a file that it imports, changes')
    .action(serve)
  return program
}

function toPort(text: string): number {
  const port = Number(text)
  if (!/^\d+$/.test(text) || port > 65_535)
    throw new InvalidArgumentError('It has to be a number from 0 to 65535.')
  return port
}

/** Commander's own form is a line, and a suggestion in another. */
function oneLine(text: string): string {
  const [first = '', ...others] = text
    .replace(/^error: /, '')
    .trim()
    .split('\n')
  return [first, ...others, '(sidewire --help shows what there is)'].join(' ')
}

function readVersion(): string {
  // Both src/cli/ and the bundle in dist/ find it upwards.
  for (const up of ['../package.json', '../../package.json']) {
    try {
      const manifest = JSON.parse(readFileSync(new URL(up, import.meta.url), 'utf8')) as {
        name?: string
        version?: string
      }
      if (manifest.name === 'sidewire' && manifest.version) return manifest.version
    } catch {
      // Not there: the next one.
    }
  }
  return '0.0.0'
}
