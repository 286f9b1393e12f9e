import { useSignal, useSignalEffect } from '@preact/signals'
import type { JSX } from 'preact'
import { useEffect, useRef } from 'preact/hooks'
import type uPlot from 'uplot'
import type { Sample } from '../samples.ts'
import { bytes, whole } from './format.ts'
import { samples } from './store.ts'

const HEIGHT_PX = 92
const MIN_SPAN_S = 60

interface Chart {
  readonly title: string
  readonly series: readonly {
    readonly label: string
    readonly color: string
    readonly of: (sample: Sample) => number
  }[]
  readonly format: (value: number) => string
}

const CHARTS: readonly Chart[] = [
  {
    title: 'Messages a second',
    series: [
      { label: 'in', color: '--sent', of: ({ messagesIn }) => messagesIn },
      { label: 'out', color: '--received', of: ({ messagesOut }) => messagesOut },
    ],
    format: whole,
  },
  {
    title: 'Bytes a second',
    series: [
      { label: 'in', color: '--sent', of: ({ bytesIn }) => bytesIn },
      { label: 'out', color: '--received', of: ({ bytesOut }) => bytesOut },
    ],
    format: bytes,
  },
  {
    title: 'Connections',
    series: [{ label: 'open', color: '--received', of: ({ connections }) => connections }],
    format: whole,
  },
  {
    title: 'Event loop lag',
    series: [{ label: 'at most', color: '--warn', of: ({ lag }) => lag }],
    format: (value) => `${Math.round(value)} ms`,
  },
]

/** The last minutes. The library for it is loaded when somebody opens them. */
export function Charts(): JSX.Element {
  const isOpen = useSignal(matchMedia('(min-width: 900px)').matches)
  const library = useSignal<typeof uPlot | undefined>(undefined)
  useSignalEffect(() => {
    if (isOpen.value && !library.peek()) void load().then((made) => (library.value = made))
  })
  return (
    <details
      class="charts"
      open={isOpen.value}
      onToggle={(event) => (isOpen.value = event.currentTarget.open)}
    >
      <summary>
        <h2>The last minutes</h2>
      </summary>
      {library.value &&
        samples.value.length > 0 &&
        CHARTS.map((chart) => <One key={chart.title} chart={chart} Plot={library.value as typeof uPlot} />)}
    </details>
  )
}

async function load(): Promise<typeof uPlot> {
  const style = document.createElement('link')
  style.rel = 'stylesheet'
  style.href = 'page/uplot.css'
  document.head.append(style)
  const script = document.createElement('script')
  script.src = 'page/uplot.js'
  document.head.append(script)
  await new Promise<void>((resolve, reject) => {
    script.addEventListener('load', () => resolve())
    script.addEventListener('error', () => reject(new Error('the charts could not be loaded')))
  })
  return (globalThis as unknown as { uPlot: typeof uPlot }).uPlot
}

function One({ chart, Plot }: { chart: Chart; Plot: typeof uPlot }): JSX.Element {
  const box = useRef<HTMLDivElement>(null)
  const plot = useRef<uPlot | undefined>(undefined)
  const now = samples.value.at(-1)
  useEffect(() => {
    const element = box.current
    if (!element) return undefined
    const style = getComputedStyle(document.documentElement)
    const color = (name: string): string => style.getPropertyValue(name).trim()
    const axis = { stroke: color('--soft'), grid: { stroke: color('--line') }, font: '11px sans-serif' }
    plot.current = new Plot(
      {
        width: element.clientWidth,
        height: HEIGHT_PX,
        legend: { show: false },
        cursor: { show: false },
        series: [{}, ...chart.series.map((each) => ({ stroke: color(each.color), width: 1.5 }))],
        scales: {
          x: { range: (_, min, max) => [Math.min(min, max - MIN_SPAN_S), max] },
          y: { range: (_, min, max) => [Math.min(0, min), Math.max(1, max)] },
        },
        axes: [axis, { ...axis, size: 56, values: (_, values) => values.map(chart.format) }],
      },
      dataOf(chart),
      element,
    )
    const observer = new ResizeObserver(() =>
      plot.current?.setSize({ width: element.clientWidth, height: HEIGHT_PX }),
    )
    observer.observe(element)
    return () => {
      observer.disconnect()
      plot.current?.destroy()
    }
  }, [])
  useSignalEffect(() => {
    void samples.value
    plot.current?.setData(dataOf(chart))
  })
  const values = chart.series.map((each) => `${now ? chart.format(each.of(now)) : '–'} ${each.label}`)
  return (
    <figure>
      <figcaption>
        {chart.title}: {values.join(', ')}
      </figcaption>
      <div ref={box} aria-hidden="true" />
    </figure>
  )
}

function dataOf({ series }: Chart): uPlot.AlignedData {
  const all = samples.value
  const times = all.map(({ at }) => at / 1000)
  const values: (number | null)[][] = series.map((each) => all.map(each.of))
  // For a single moment uPlot draws years.
  if (times.length === 1) {
    times.unshift((times[0] ?? 0) - 1)
    for (const list of values) list.unshift(null)
  }
  return [times, ...values]
}
