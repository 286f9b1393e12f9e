import { wsUrl } from 'virtual:sidewire'

export default { title: 'Chat' }
export const Default = { render: () => `<p>${wsUrl}</p>` }
