import { describeContractThrough } from './contract-through.ts'

// Bun has one pair, and that is whole.
describeContractThrough('near')
