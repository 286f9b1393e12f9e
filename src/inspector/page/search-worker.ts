// A worker of its own: `search.ts` ends it where an expression takes too long.

interface Question {
  readonly id: number
  readonly regex: string
  readonly texts: readonly string[]
}

addEventListener('message', ({ data: { id, regex, texts } }: MessageEvent<Question>) => {
  const expression = new RegExp(regex, 'i')
  const found = texts.flatMap((text, index) => (expression.test(text) ? [index] : []))
  postMessage({ id, found })
})

postMessage('ready')
