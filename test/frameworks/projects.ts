/** A project of a framework, in the folder of its name. */
export interface Project {
  readonly name: string
  /** What Node runs to start its dev server on this port. */
  readonly dev: (port: number) => readonly string[]
  /** The file whose change restarts it. */
  readonly config: string
  /** Where Vite's client is, and with it the address of its socket. */
  readonly viteClient: string
  /** What is served there has the engine's own URL in it, from `virtual:sidewire`. */
  readonly page: string
  /** Vite is middleware there: each of its starts lists the handlers' URLs, a restart too. */
  readonly isMiddleware?: true
}

const vite = (port: number): string[] => ['node_modules/vite/bin/vite.js', 'dev', '--port', `${port}`]

const VIRTUAL = '/@id/__x00__virtual:sidewire'

const PROJECTS: readonly Project[] = [
  { name: 'sveltekit', dev: vite, config: 'vite.config.js', viteClient: '/@vite/client', page: '/' },
  {
    name: 'astro',
    dev: (port) => ['node_modules/astro/astro.js', 'dev', '--port', `${port}`],
    config: 'astro.config.mjs',
    viteClient: '/@vite/client',
    page: '/',
  },
  {
    name: 'react-router',
    dev: (port) => ['node_modules/@react-router/dev/bin.js', 'dev', '--port', `${port}`],
    config: 'vite.config.js',
    viteClient: '/@vite/client',
    page: '/',
  },
  {
    name: 'storybook',
    dev: (port) => ['node_modules/storybook/bin/index.cjs', 'dev', '--port', `${port}`, '--ci'],
    // Vite has its whole configuration from Storybook, and watches no file of it but this.
    config: '.env',
    viteClient: '/@vite/client',
    page: VIRTUAL,
    isMiddleware: true,
  },
  {
    name: 'nuxt',
    dev: (port) => ['node_modules/nuxt/bin/nuxt.mjs', 'dev', '--port', `${port}`],
    config: 'nuxt.config.js',
    viteClient: '/_nuxt/@vite/client',
    page: '/',
    isMiddleware: true,
  },
]

/** The one that `npm test` has time for: its packages are few. */
const DEFAULT = 'sveltekit'

/** Those that `SIDEWIRE_FRAMEWORKS` names (`npm run frameworks`: all). */
export function chosenProjects(): readonly Project[] {
  const names = (process.env['SIDEWIRE_FRAMEWORKS'] ?? DEFAULT).split(' ')
  return names.map((name) => {
    const project = PROJECTS.find((each) => each.name === name)
    if (!project)
      throw new Error(`no project ${name}: there are ${PROJECTS.map((each) => each.name).join(', ')}`)
    return project
  })
}
