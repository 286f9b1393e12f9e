/** Bytes of JavaScript heap in use, when collections have stopped finding anything. */
export async function settledHeap(): Promise<number> {
  let lowest = Infinity
  for (let i = 0; i < 8; i++) {
    collect()
    await new Promise((resolve) => setImmediate(resolve))
    lowest = Math.min(lowest, process.memoryUsage().heapUsed)
  }
  return lowest
}

function collect(): void {
  if (process.versions['bun']) Bun.gc(true)
  else if (globalThis.gc) globalThis.gc()
  else throw new Error('this test needs --expose-gc')
}
