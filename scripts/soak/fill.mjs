// Text that both ends can make from a number: compressible, but not of one letter.
const WORDS = [
  'room',
  'connection',
  'runtime',
  'handler',
  'topic',
  'größe',
  '房间',
  'frame',
  '🚀',
  'broadcast',
]
const MAX_KEPT = 64
const kept = new Map()

export function fillOf(seed, length) {
  const key = `${seed}/${length}`
  const known = kept.get(key)
  if (known !== undefined) return known
  let text = ''
  let state = seed >>> 0 || 1
  while (text.length < length) {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0
    text += `${WORDS[state % WORDS.length]}${state % 997} `
  }
  if (kept.size >= MAX_KEPT) kept.delete(kept.keys().next().value)
  kept.set(key, text)
  return text
}

/** Numbers in [0, 1) from a seed (mulberry32), so that a run's load can be had again. */
export function randomOf(seed) {
  let state = seed >>> 0
  return () => {
    state = (state + 0x6d_2b_79_f5) >>> 0
    let t = state
    t = Math.imul(t ^ (t >>> 15), t | 1)
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61)
    return ((t ^ (t >>> 14)) >>> 0) / 4_294_967_296
  }
}
