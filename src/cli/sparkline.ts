const BARS = '▁▂▃▄▅▆▇█'

/** The last values as a line of bars, the largest as high as can be; 0 is the lowest. */
export function sparkline(values: readonly number[], width: number): string {
  const shown = values.slice(-width)
  const most = Math.max(...shown, Number.MIN_VALUE)
  return shown.map((value) => BARS[Math.round((Math.max(value, 0) / most) * (BARS.length - 1))]).join('')
}
