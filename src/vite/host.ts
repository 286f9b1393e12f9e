import type { PreviewServer, ViteDevServer } from 'vite'

/** Which of Vite's servers the plugin serves. */
export type Host =
  | { readonly kind: 'dev'; readonly server: ViteDevServer }
  | { readonly kind: 'preview'; readonly server: PreviewServer }
