export const title = 'Two tabs can chat'
