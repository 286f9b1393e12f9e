import { runWorker } from '../workers/worker.ts'
import { loadServeOptions, type ServeJob } from './serve-options.ts'

// What each process of `sidewire serve --workers` runs.

process.setSourceMapsEnabled(true)
runWorker(async (job) => {
  const { workers: _, ...options } = await loadServeOptions(job as ServeJob)
  return options
})
