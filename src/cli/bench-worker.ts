import { loadScript } from './script-file.ts'
import { runWorker } from '../load/worker.ts'

// A thread of `sidewire bench`.
await runWorker(loadScript)
