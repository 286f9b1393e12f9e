import { expect } from 'vitest'
import { matchers, type SidewireMatchers } from './matchers.ts'

expect.extend(matchers)

declare global {
  // Vitest 4 and 5 give their own interface for matchers different type parameters, and who adds to it has to repeat
  // them; both take over what this one has, which has none.
  namespace Chai {
    interface Assertion extends SidewireMatchers {}
  }
}
