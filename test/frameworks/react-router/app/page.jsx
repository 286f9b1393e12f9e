import { wsUrl } from 'virtual:sidewire'

export default function Page() {
  return <p>{wsUrl}</p>
}
