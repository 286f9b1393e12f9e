/** The path of a Chromium: CHROMIUM_PATH, or one on PATH; `undefined` if there is none. */
export declare function findChromium(): string | undefined

/** Arguments for a headless run that starts quickly and calls nobody. */
export declare function chromiumArguments(): string[]
