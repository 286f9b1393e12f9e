import { BaseSequencer, type TestSpecification } from 'vitest/node'

/** What takes longest begins first, so that at the end no core waits for one file. From the longest on. */
const LONG = [
  'test/vite/contract',
  'test/soak/',
  'test/contract/',
  'test/inspector/page',
  'test/cli/errors',
  'test/cli/modules',
  'test/runners/runners',
  'test/faults/',
  'test/load/bench',
  'test/supply-chain/pack',
  'test/vite/files',
  'test/vite/lifecycle',
  'test/vite/process',
  'test/cli/watch',
  'test/cli/demo',
  'test/runners/playwright',
]

/** The order of the test files: a fresh clone has no times of an earlier run to go by. */
export class LongestFirst extends BaseSequencer {
  override async sort(files: TestSpecification[]): Promise<TestSpecification[]> {
    const rank = ({ moduleId }: TestSpecification): number => {
      const at = LONG.findIndex((name) => moduleId.includes(name))
      return at < 0 ? LONG.length : at
    }
    // oxlint-disable-next-line unicorn/no-array-sort -- of files, by the class that this one is
    const byDefault = await super.sort(files)
    return byDefault.toSorted((one, other) => rank(one) - rank(other))
  }
}
