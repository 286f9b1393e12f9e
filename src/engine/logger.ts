export type LogLevel = 'silent' | 'error' | 'warn' | 'info' | 'debug'

export const LOG_LEVELS: readonly ['silent', 'error', 'warn', 'info', 'debug'] = [
  'silent',
  'error',
  'warn',
  'info',
  'debug',
]

/** Where log lines go. Any object with these four methods will do. */
export interface Logger {
  error(message: string): void
  warn(message: string): void
  info(message: string): void
  debug(message: string): void
}

/** Passes on what `level` lets through. @param prefix - who says it */
export function createLogger(level: LogLevel, sink: Logger = console, prefix = '[sidewire] '): Logger {
  const rank = LOG_LEVELS.indexOf(level)
  const at = (name: Exclude<LogLevel, 'silent'>) => (message: string) => {
    if (LOG_LEVELS.indexOf(name) <= rank) sink[name](prefix + message)
  }
  return { error: at('error'), warn: at('warn'), info: at('info'), debug: at('debug') }
}
