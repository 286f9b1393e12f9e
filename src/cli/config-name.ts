const EXTENSIONS = ['ts', 'mts', 'js', 'mjs', 'cts', 'cjs']

/** Those that are looked for, in this order. */
export const CONFIG_NAMES: readonly string[] = EXTENSIONS.map((extension) => `sidewire.config.${extension}`)

/** All of them in one. */
export const CONFIG_NAME: string = `sidewire.config.{${EXTENSIONS.join()}}`
