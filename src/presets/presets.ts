export { fromMsw, type MswHandler, type MswOptions } from './msw.ts'
export { socketIo, type SocketIoOptions, type SocketIoServer } from './socket-io.ts'
export type { PresetOptions } from './options.ts'
