import { describeContractThrough } from './contract-through.ts'

describeContractThrough('whole')
