/** Whether an address, or `localhost`, is this machine alone. */
export function isLoopback(address: string): boolean {
  return address === '::1' || address.toLowerCase() === 'localhost' || /^127(?:\.\d{1,3}){3}$/.test(address)
}
