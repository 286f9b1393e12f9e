/** A command as RESP has it: an array of bulk strings, whose lengths are in bytes. */
export function command(...words: readonly string[]): Buffer {
  const strings = words.map((word) => `$${Buffer.byteLength(word)}\r\n${word}\r\n`)
  return Buffer.from(`*${words.length}\r\n${strings.join('')}`)
}
