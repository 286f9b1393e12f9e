import { ControlClient } from './control-client.ts'

export interface SendFlags {
  readonly room: readonly string[]
  readonly token?: string
}

/** `sidewire send <url> <pattern> <text>` */
export async function send(
  url: string,
  pattern: string,
  text: string,
  { room, token }: SendFlags,
): Promise<void> {
  const to = { pattern, ...(room.length > 0 && { rooms: room }) }
  const { receivers } = await new ControlClient(url, token).ask<{ receivers: number }>('send', { to, text })
  console.log(`sent to ${receivers} ${receivers === 1 ? 'connection' : 'connections'}`)
}
