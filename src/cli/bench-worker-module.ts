/** What the threads of a load run. */
export function workerModule(): URL {
  return new URL(import.meta.url.endsWith('.ts') ? './bench-worker.ts' : './bench-worker.js', import.meta.url)
}
