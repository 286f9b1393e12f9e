import { useComputed, useSignal, useSignalEffect } from '@preact/signals'
import type { JSX } from 'preact'
import { useEffect, useRef } from 'preact/hooks'
import { bytes, difference, time, took } from './format.ts'
import { directionOf, type Line } from './lines.ts'
import { chosen, shownLines } from './store.ts'
import { markOf, sentenceOf, wordOf } from './words.ts'

/** Fingers need more room. */
const LINE_PX = matchMedia('(pointer: coarse)').matches ? 44 : 26
/** Lines outside of what can be seen, so that a quick wheel shows no gap. */
const BEYOND = 8

/** The lines that can be seen, of as many as there are: one height for each, and an empty box as tall as all. */
export function Timeline(): JSX.Element {
  const box = useRef<HTMLDivElement>(null)
  const top = useSignal(0)
  const height = useSignal(600)
  const follows = useSignal(true)
  const tall = useRef(0)
  const active = useSignal(-1)
  const lines = shownLines.value
  const from = useComputed(() => Math.max(0, Math.floor(top.value / LINE_PX) - BEYOND))
  const to = useComputed(() => Math.ceil((top.value + height.value) / LINE_PX) + BEYOND)

  useEffect(() => {
    const element = box.current
    if (!element) return undefined
    const observer = new ResizeObserver(() => {
      height.value = element.clientHeight
      if (follows.value) element.scrollTop = element.scrollHeight
    })
    observer.observe(element)
    return () => observer.disconnect()
  }, [])
  // What is new is followed, unless somebody reads further up.
  useSignalEffect(() => {
    if (shownLines.value.length === 0) follows.value = true
    requestAnimationFrame(() => {
      if (follows.peek() && box.current) box.current.scrollTop = box.current.scrollHeight
    })
  })

  const move = (index: number): void => {
    const next = Math.max(0, Math.min(lines.length - 1, index))
    active.value = next
    chosen.value = lines[next]
    const element = box.current
    if (!element) return
    if (next * LINE_PX < element.scrollTop) element.scrollTop = next * LINE_PX
    const bottom = (next + 1) * LINE_PX - element.clientHeight
    if (bottom > element.scrollTop) element.scrollTop = bottom
    follows.value = next === lines.length - 1
  }
  const onKeyDown = (event: KeyboardEvent): void => {
    const page = Math.floor(height.value / LINE_PX)
    const now = active.value === -1 ? lines.length : active.value
    const next = {
      ArrowUp: now - 1,
      ArrowDown: now + 1,
      PageUp: now - page,
      PageDown: now + page,
      Home: 0,
      End: lines.length - 1,
    }[event.key]
    if (next === undefined || lines.length === 0) return
    event.preventDefault()
    move(next)
  }

  const visible = lines.slice(from.value, to.value)
  return (
    <div class="lines-part">
      {!follows.value && (
        <button
          type="button"
          class="follow"
          onClick={() => {
            follows.value = true
            if (box.current) box.current.scrollTop = box.current.scrollHeight
          }}
        >
          ↓ To the newest
        </button>
      )}
      <div
        class="lines"
        ref={box}
        role="grid"
        aria-label="Frames"
        aria-rowcount={lines.length}
        aria-activedescendant={
          active.value >= from.value && active.value < to.value ? `line-${active.value}` : undefined
        }
        tabIndex={0}
        onKeyDown={onKeyDown}
        onScroll={(event) => {
          const { scrollTop, scrollHeight, clientHeight } = event.currentTarget
          // What is added moves the end away, and what is taken away the place: neither is somebody who reads further up.
          if (scrollHeight - clientHeight - scrollTop < LINE_PX) follows.value = true
          else if (scrollTop < top.peek() && scrollHeight >= tall.current) follows.value = false
          tall.current = scrollHeight
          top.value = scrollTop
        }}
      >
        {lines.length === 0 && (
          <p class="empty" role="row">
            <span role="gridcell">Nothing yet. What clients and handlers send appears here.</span>
          </p>
        )}
        <div class="all" role="presentation" style={{ height: `${lines.length * LINE_PX}px` }}>
          <div role="rowgroup" style={{ transform: `translateY(${from.value * LINE_PX}px)` }}>
            {visible.map((line, i) => {
              const index = from.value + i
              return (
                <LineView
                  key={line.n}
                  line={line}
                  before={lines[index - 1]}
                  index={index}
                  onChoose={() => {
                    active.value = index
                    chosen.value = line
                  }}
                />
              )
            })}
          </div>
        </div>
      </div>
    </div>
  )
}

function LineView({
  line,
  before,
  index,
  onChoose,
}: {
  line: Line
  before: Line | undefined
  index: number
  onChoose: () => void
}): JSX.Element {
  const direction = directionOf(line)
  return (
    <div
      id={`line-${index}`}
      class="line"
      role="row"
      aria-rowindex={index + 1}
      aria-selected={chosen.value === line}
      data-type={line.type}
      data-direction={direction}
      data-is-faulted={line.faults !== undefined}
      style={{ height: `${LINE_PX}px` }}
      onClick={onChoose}
    >
      <span role="gridcell" class="time">
        {time(line.at)}
      </span>
      <span role="gridcell" class="difference">
        {before ? difference(line.at - before.at) : ''}
      </span>
      <span role="gridcell" class="who">
        {line.conn === undefined ? '' : `#${line.conn}`}
      </span>
      <span role="gridcell" class="what">
        {direction && <span aria-hidden="true">{direction === 'in' ? '↑' : '↓'}</span>} {wordOf(line)}
      </span>
      <span role="gridcell" class="text">
        {line.faults && <strong class="mark">({markOf(line)}) </strong>}
        {line.byInspector && <em>by inspector </em>}
        {sentenceOf(line)}
      </span>
      <span role="gridcell" class="size">
        {line.bytes === undefined ? '' : bytes(line.bytes)}
      </span>
      <span role="gridcell" class="by" title={line.by}>
        {line.by !== undefined && `${line.by}${line.ms === undefined ? '' : ` ${took(line.ms)}`}`}
      </span>
    </div>
  )
}
