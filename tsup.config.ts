import { cpSync } from 'node:fs'
import type { Options } from 'tsup'
import { buildInspectorPage } from './scripts/inspector-page.mjs'
import { verifyUws } from './scripts/verify-uws.mjs'

const config: Options = {
  entry: {
    index: 'src/index.ts',
    testing: 'src/testing/index.ts',
    vitest: 'src/testing/vitest.ts',
    jest: 'src/testing/jest.ts',
    playwright: 'src/testing/playwright.ts',
    cypress: 'src/testing/cypress.ts',
    replay: 'src/recording/replay.ts',
    faults: 'src/faults/profiles.ts',
    codecs: 'src/codecs/codecs.ts',
    'mock-file': 'src/mock-file/mock-file.ts',
    presets: 'src/presets/presets.ts',
    asyncapi: 'src/asyncapi/asyncapi.ts',
    cli: 'src/cli/main.ts',
    'bench-worker': 'src/cli/bench-worker.ts',
    'serve-worker': 'src/cli/serve-worker.ts',
  },
  format: 'esm',
  platform: 'node',
  target: 'node20',
  // The user's own, or its `expect` would be another; no peer dependency: see CONTRIBUTING.
  external: ['vitest'],
  // TypeScript 6 deprecates an option that tsup sets by itself.
  dts: {
    entry: {
      index: 'src/index.ts',
      testing: 'src/testing/index.ts',
      vitest: 'src/testing/vitest.ts',
      jest: 'src/testing/jest.ts',
      playwright: 'src/testing/playwright.ts',
      cypress: 'src/testing/cypress.ts',
      replay: 'src/recording/replay.ts',
      faults: 'src/faults/profiles.ts',
      codecs: 'src/codecs/codecs.ts',
      'mock-file': 'src/mock-file/mock-file.ts',
      presets: 'src/presets/presets.ts',
      asyncapi: 'src/asyncapi/asyncapi.ts',
    },
    compilerOptions: { ignoreDeprecations: '6.0' },
  },
  clean: true,
  splitting: true,
  onSuccess: async () => {
    await buildInspectorPage()
    cpSync('src/cli/demo/page', 'dist/demo/page', { recursive: true })
    cpSync('src/load/page', 'dist/load/page', { recursive: true })
  },
}

// Whatever builds comes through here, and what is built runs native code of that package.
export default (): Options => {
  verifyUws()
  return config
}
