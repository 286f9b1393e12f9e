const HOST = /^(?:\[[0-9a-f:.]+\]|[\w.-]+)(?::\d{1,5})?$/i

/**
 * A broker's URL as a message may show it, whatever somebody has written there: scheme, hosts and path, and of those only what
 * looks like it. A password may hold any character, also unescaped.
 */
export function redactUrl(url: string): string {
  const [, scheme = '', rest = ''] = /^([a-z][a-z0-9+.-]*:\/\/)?(.*)$/is.exec(url) ?? []
  const at = rest.lastIndexOf('@')
  const secret = at === -1 ? '' : '***@'
  const [, hosts = '', path = '', query = ''] = /^([^/?#]*)([^?#]*)(.*)$/s.exec(rest.slice(at + 1)) ?? []
  const isPlain = hosts === '' ? path !== '' : hosts.split(',').every((host) => HOST.test(host))
  if (!isPlain || !/^[\w./~-]*$/.test(path)) return `${scheme}***`
  return `${scheme}${secret}${hosts}${path}${query && !/^\?db=\d+$/.test(query) ? '?***' : query}`
}
