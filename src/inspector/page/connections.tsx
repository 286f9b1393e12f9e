import type { JSX } from 'preact'
import type { ConnectionRow } from '../connections.ts'
import { lookNow } from './feed.ts'
import { age, bytes, userAgent, whole } from './format.ts'
import {
  connections,
  connectionSearch,
  handlers,
  lines,
  lastRefusal,
  listed,
  refused,
  select,
  selectConnection,
  selection,
} from './store.ts'
import { sentenceOf } from './words.ts'

const MORE = 100

/** Handlers, rooms and clients: what the timeline can be of. */
export function Connections(): JSX.Element {
  const { found, rows, rooms } = connections.value
  const of = selection.value
  const choose = (next: Parameters<typeof select>[0]): void => {
    select(next)
    lookNow()
  }
  return (
    <nav class="connections" aria-label="Handlers and connections">
      <ul class="places">
        <li>
          <Place isChosen={of.kind === 'all'} onChoose={() => choose({ kind: 'all' })}>
            Everything
          </Place>
        </li>
        {handlers.value.map(({ pattern, paths }) => (
          <li key={pattern}>
            <Place
              isChosen={of.kind === 'handler' && of.pattern === pattern}
              onChoose={() => choose({ kind: 'handler', pattern })}
            >
              <code title={paths.join('\n')}>{pattern}</code>
            </Place>
            <ul>
              {rooms
                .filter((room) => room.pattern === pattern)
                .map(({ room, size }) => (
                  <li key={room}>
                    <Place
                      isChosen={of.kind === 'room' && of.pattern === pattern && of.room === room}
                      onChoose={() => choose({ kind: 'room', pattern, room })}
                    >
                      <span class="room">room</span>{' '}
                      <span class="room-name" title={room}>
                        {room}
                      </span>{' '}
                      <span class="count">{size}</span>
                    </Place>
                  </li>
                ))}
            </ul>
          </li>
        ))}
      </ul>
      {refused.value > 0 && (
        <Place isChosen={of.kind === 'refused'} onChoose={() => choose({ kind: 'refused' })}>
          Refused <span class="count">{whole(refused.value)}</span>
          {lastRefusal.value && <span class="facts refusal">last: {sentenceOf(lastRefusal.value)}</span>}
        </Place>
      )}
      <h2>
        Connections <span class="count">{whole(found)}</span>
      </h2>
      <input
        type="search"
        aria-label="Find a connection"
        placeholder="path, room, #1"
        value={connectionSearch.value}
        onInput={(event) => {
          connectionSearch.value = event.currentTarget.value
          lookNow()
        }}
      />
      <ul class="clients">
        {rows.map((row) => (
          <li key={row.id}>
            <Client row={row} isChosen={of.kind === 'connection' && of.id === row.id} />
          </li>
        ))}
      </ul>
      {found === 0 && (
        <p class="empty">
          {connectionSearch.value === '' ? 'Nobody is connected.' : 'No connection has this.'}
        </p>
      )}
      {found > rows.length && (
        <button
          type="button"
          class="more"
          onClick={() => {
            listed.value += MORE
            lookNow()
          }}
        >
          {whole(found - rows.length)} more
        </button>
      )}
    </nav>
  )
}

function Place({
  isChosen,
  onChoose,
  children,
}: {
  isChosen: boolean
  onChoose: () => void
  children: preact.ComponentChildren
}): JSX.Element {
  return (
    <button type="button" class="place" aria-current={isChosen ? 'true' : undefined} onClick={onChoose}>
      {children}
    </button>
  )
}

function Client({ row, isChosen }: { row: ConnectionRow; isChosen: boolean }): JSX.Element {
  const least = row.isPartial ? 'at least ' : ''
  return (
    <button
      type="button"
      class="client"
      aria-current={isChosen ? 'true' : undefined}
      onClick={() => {
        selectConnection(row)
        lookNow()
      }}
      title={`${row.id}\n${row.remoteAddress}\n${row.userAgent ?? ''}\nsince ${new Date(row.since).toLocaleString()}`}
    >
      <span class="name">
        #{lines.fromServer(row.conn)} <code>{row.path}</code>
      </span>
      <span class="facts">
        {row.userAgent !== undefined && `${userAgent(row.userAgent)} · `}
        {age(Date.now() - row.since)}
        {row.subprotocol !== '' && ` · ${row.subprotocol}`}
        {row.rooms.length > 0 && ` · in ${row.rooms.join(', ')}`}
      </span>
      <span class="facts" title={row.isPartial ? 'More has passed than was looked at' : undefined}>
        {least}↑ {whole(row.messagesIn)} ({bytes(row.bytesIn)}) ↓ {whole(row.messagesOut)} (
        {bytes(row.bytesOut)}){row.bufferedAmount > 0 && <strong> · {bytes(row.bufferedAmount)} wait</strong>}
      </span>
    </button>
  )
}
