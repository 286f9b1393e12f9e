import { createServer } from 'node:net'

// Below the ports that the system gives to whoever asks for any (32768 and up on Linux): between the look and the
// use nobody else's port 0 can take it.
const FIRST = 20_000
const COUNT = 12_000
const STEP = 7
/** Test files run side by side in processes of their own, which start at different places. */
let next = (process.pid * 131) % COUNT

/** A port that nobody listens on. */
export async function freePort(): Promise<number> {
  for (let tries = 0; tries < 100; tries++) {
    const port = FIRST + (next % COUNT)
    // The next one may be what a server tries that finds this one taken.
    next += STEP
    if (await isFree(port)) return port
  }
  throw new Error('no free port')
}

function isFree(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const server = createServer()
    server.once('error', () => resolve(false))
    server.listen(port, '127.0.0.1', () => server.close(() => resolve(true)))
  })
}
