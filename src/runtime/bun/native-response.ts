/** Bun's own, and `Bun.serve` takes no other: in a test with a DOM, that one's stands in its place. */
export async function nativeResponse(): Promise<typeof Response> {
  const answer = await Bun.fetch('data:,')
  return answer.constructor as typeof Response
}
