import { describeContract } from './suite.ts'

await describeContract('patient')
