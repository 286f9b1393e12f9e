export {
  createTestServer,
  type Refusal,
  type TestServer,
  type TestServerOptions,
  type Which,
} from './test-server.ts'
export type { TestConnection, TestPeer } from './test-connection.ts'
export type { Expecting, Messages } from './messages.ts'
export type { Closed, Entry } from './journal.ts'
export type { Pattern } from './pattern.ts'
export type { TestClock } from './virtual-clock.ts'
export { ExpectationError } from './failure.ts'
