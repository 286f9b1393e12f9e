// What a server holds for its clients is no part of the public API.
export { HOLDINGS, type Holdings } from '../../src/engine/holdings.ts'
