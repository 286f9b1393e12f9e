/** 32 bits of some words, none of them like those of its neighbour: FNV-1a, and murmur3's finaliser. */
export function hashOf(...words: readonly (number | string)[]): number {
  let hash = 0x811c9dc5
  for (const byte of new TextEncoder().encode(words.join('\n'))) hash = Math.imul(hash ^ byte, 0x01000193)
  hash = Math.imul(hash ^ (hash >>> 16), 0x85ebca6b)
  hash = Math.imul(hash ^ (hash >>> 13), 0xc2b2ae35)
  return (hash ^ (hash >>> 16)) >>> 0
}
