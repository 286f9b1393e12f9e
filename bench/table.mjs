// Tables in Markdown, aligned as oxfmt has them: they are for terminals as well.

/** @param align by column, `'left'` or `'right'` */
export function table(head, rows, align = []) {
  const widths = head.map((_, at) => Math.max(3, ...[head, ...rows].map((row) => row[at].length)))
  const line = (cells) => `| ${cells.join(' | ')} |`
  const pad = (cell, at) => (align[at] === 'right' ? cell.padStart(widths[at]) : cell.padEnd(widths[at]))
  const rule = widths.map((width, at) =>
    align[at] === 'right' ? `${'-'.repeat(width - 1)}:` : '-'.repeat(width),
  )
  return [head.map(pad), rule, ...rows.map((row) => row.map(pad))].map(line).join('\n')
}

/** `1,234,567` */
export function count(value) {
  return Math.round(value).toLocaleString('en-US')
}

/** `0.98`, `12.3` */
export function factor(value) {
  return value >= 10 ? value.toFixed(1) : value.toFixed(2)
}

/** A median with the smallest and the largest value: `0.98 (0.95-1.02)`; of one run, its value. */
export function withSpread({ median, min, max }, format) {
  // Nothing by nothing, in a run too short to see the CPU time of a server that does little.
  if (median === null) return '–'
  const text = format(median)
  return min === max ? text : `${text} (${format(min)}-${format(max)})`
}
