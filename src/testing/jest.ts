import { expect } from '@jest/globals'
import { matchers, type SidewireMatchers } from './matchers.ts'

expect.extend(matchers)

declare module 'expect' {
  interface Matchers<R extends void | Promise<void>, T = unknown> extends SidewireMatchers {}
}
