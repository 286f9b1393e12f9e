import { convert as toFile } from '../recording/convert.ts'
import { sentenceOfConversion } from '../recording/summary.ts'
import { say } from './report.ts'

export interface ConvertFlags {
  readonly url?: string
  readonly overwrite?: boolean
  /** Keys; `false` for `--no-redact`. */
  readonly redact: readonly string[] | false
}

/** `sidewire convert <in> <out>` */
export function convert(from: string, to: string, { url, overwrite, redact }: ConvertFlags): void {
  const conversion = toFile(from, to, {
    ...(url !== undefined && { url }),
    ...(overwrite !== undefined && { overwrite }),
    redact: redact === false ? false : { keys: redact },
  })
  for (const warning of conversion.warnings) console.error(say(warning))
  console.log(say(sentenceOfConversion(conversion)))
}
