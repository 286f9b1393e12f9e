import type { MarkdownRenderer } from 'vitepress'

/** `{{message.id}}` of a mock file is nothing that Vue shall fill in. */
export function keepBraces(md: MarkdownRenderer): void {
  const { code_inline: render } = md.renderer.rules
  md.renderer.rules.code_inline = (...args) => (render?.(...args) ?? '').replace('<code', '<code v-pre')
}
