import { chromium, type Browser } from 'playwright-core'
import { chromiumArguments, findChromium } from '../../scripts/chromium.mjs'

/** A real browser, headless. Without one the test fails loudly: a skipped browser test looks like a passed one. */
export async function launchChromium(): Promise<Browser> {
  const executablePath = findChromium()
  if (!executablePath)
    throw new Error(
      'no Chromium found: run `node scripts/chromium.mjs`, or set CHROMIUM_PATH to its executable',
    )
  return chromium.launch({ executablePath, args: chromiumArguments() })
}
