// Who is compared: a server of bench/servers each, as the command that starts it.
import { fileURLToPath } from 'node:url'

const here = (name) => fileURLToPath(new URL(name, import.meta.url))
/** The binary behind node_modules/.bin/bun: a signal has to reach Bun itself. */
const BUN = here('../node_modules/bun/bin/bun.exe')
const node = (file, ...args) => [process.execPath, ['--expose-gc', here(`servers/${file}`), ...args]]
const bun = (file, ...args) => [BUN, [here(`servers/${file}`), ...args]]

/**
 * By name. `control` does the same work with less around it: what a figure is divided by. `client` says which generator
 * drives it, where that is not `sidewire bench`.
 */
export const CONTESTANTS = {
  'engine-uws': { title: 'sidewire on uws', command: node('engine.mjs', 'uws'), control: 'uws' },
  'engine-bun': { title: 'sidewire on bun', command: bun('engine.mjs', 'bun'), control: 'bun' },
  'engine-ws': { title: 'sidewire on ws', command: node('engine.mjs', 'ws'), control: 'ws' },
  uws: { title: 'straight uWebSockets.js', command: node('uws.mjs') },
  bun: { title: 'straight Bun.serve', command: bun('bun.mjs') },
  ws: { title: 'ws', command: node('ws.mjs') },
  'crossws-node': { title: 'crossws on Node', command: node('crossws.mjs'), control: 'ws' },
  'crossws-bun': { title: 'crossws on Bun', command: bun('crossws.mjs'), control: 'bun' },
  'socket.io': {
    title: 'socket.io',
    command: node('socket-io.mjs'),
    control: 'ws',
    client: 'socket-io',
  },
  reference: { title: 'ws, serialised for each', command: node('reference.mjs'), control: 'ws' },
}

/** The ways to a handler in a Vite project; `port` is which of the printed ports. */
export const VITE_CONTESTANTS = {
  'vite-tunnel': { title: "through the dev server's port", command: node('vite.mjs', 'plugin') },
  'vite-sidecar': { title: "at the engine's own port", command: node('vite.mjs', 'plugin'), port: 1 },
  'vite-ws': { title: "ws in Vite's own server", command: node('vite.mjs', 'ws') },
}
