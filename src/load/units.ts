const count = new Intl.NumberFormat('en', { maximumFractionDigits: 0 })

/** `12,345` */
export function whole(value: number): string {
  return count.format(value)
}

/** `12,345/s` */
export function rate(perSecond: number): string {
  return `${perSecond > 0 && perSecond < 10 ? perSecond.toFixed(1) : whole(perSecond)}/s`
}

/** Milliseconds in three digits, in the unit that suits them: `870 µs`, `2.34 ms`, `1.20 s`. */
export function duration(ms: number): string {
  if (ms < 1) return `${Math.round(ms * 1000)} µs`
  if (ms < 1000) return `${digits(ms)} ms`
  return `${digits(ms / 1000)} s`
}

/** `1.50 KiB` */
export function bytes(value: number): string {
  const sign = value < 0 ? '-' : ''
  let rest = Math.abs(value)
  for (const unit of ['B', 'KiB', 'MiB']) {
    if (rest < 1024) return `${sign}${unit === 'B' ? Math.round(rest) : digits(rest)} ${unit}`
    rest /= 1024
  }
  return `${sign}${digits(rest)} GiB`
}

export function percent(share: number): string {
  const text = (share * 100).toFixed(3)
  // 99.9996 % is not all.
  return `${share < 1 && text === '100.000' ? '99.999' : text.replace(/\.?0+$/, '')} %`
}

function digits(value: number): string {
  return value < 10 ? value.toFixed(2) : value < 100 ? value.toFixed(1) : value.toFixed(0)
}
