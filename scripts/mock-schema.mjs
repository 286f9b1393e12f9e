// `npm run schema`: writes mock.schema.json, the form of mock files by which editors complete and check them, from the types
// in src/mock-file/format.ts. `--check` only says whether it is what they say.
import { readFileSync, writeFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { createGenerator } from 'ts-json-schema-generator'

process.chdir(fileURLToPath(new URL('..', import.meta.url)))
const FILE = 'mock.schema.json'

const schema = createGenerator({
  path: 'src/mock-file/format.ts',
  type: 'MockFile',
  tsconfig: 'tsconfig.json',
  // `npm run types` does.
  skipTypeCheck: true,
  expose: 'all',
  // A file has no code.
  functions: 'hide',
}).createSchema('MockFile')
// Of a name that begins with x- the generator knows only that it is one.
Object.assign(schema.definitions.MockHandlers, {
  patternProperties: { '^x-': {} },
  additionalProperties: false,
})
const text = `${JSON.stringify({ title: 'A mock of sidewire', ...schema }, undefined, 2)}\n`

if (!process.argv.includes('--check')) {
  writeFileSync(FILE, text)
} else if (readFileSync(FILE, 'utf8') !== text) {
  console.error(`${FILE} is not what src/mock-file/format.ts says: npm run schema`)
  process.exitCode = 1
}
