import type { ResolvedConfig } from 'vite'
import type { Logger } from '../engine/logger.ts'

/** Lines of ours, as Vite writes its own. */
export function viteLogger({ logger }: ResolvedConfig): Logger {
  const timestamp = true
  return {
    error: (message) => logger.error(message, { timestamp }),
    warn: (message) => logger.warn(message, { timestamp }),
    info: (message) => logger.info(message, { timestamp }),
    debug: (message) => logger.info(message, { timestamp }),
  }
}
