/** 32 bits that look random, the same for the same numbers: the finisher of MurmurHash3 over each (public domain). */
export function draw(...parts: readonly number[]): number {
  let hash = 0
  for (const part of parts) {
    hash = (hash ^ part) + 0x9e_37_79_b9
    hash = Math.imul(hash ^ (hash >>> 16), 0x85_eb_ca_6b)
    hash = Math.imul(hash ^ (hash >>> 13), 0xc2_b2_ae_35)
    hash ^= hash >>> 16
  }
  return hash >>> 0
}
