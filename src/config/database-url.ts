/** The parameters of a connection, by libpq's names, decoded. */
export type Parameters = Map<string, string>

const HEX = /%(?![0-9A-Fa-f]{2})/
/** `[name of the IPv6 address]` or anything else, then a port; up to the next host, the path or the query. */
const HOST = /(?:\[([^\]]*)\]|([^:/?,[]*))(?::([^/?,]*))?/y

/**
 * Splits a connection URI as libpq does: https://www.postgresql.org/docs/current/libpq-connect.html#LIBPQ-CONNSTRING-URIS. Throws an error
 * that says what is wrong and quotes nothing of the URI, because a part of a password may stand anywhere in one that is written wrongly.
 */
export function splitDatabaseUrl(url: string): Parameters {
  const [, rest] = /^(?:postgres|postgresql):\/\/(.*)$/s.exec(url) ?? []
  if (rest === undefined) throw new Error('expected postgres://user:password@host:port/database')
  const parameters: Parameters = new Map()
  const [, user, password] = /^([^:@/]*)(?::([^@/]*))?@/.exec(rest) ?? []
  const start = user === undefined ? 0 : user.length + (password === undefined ? 0 : password.length + 1) + 1
  const end = takeHosts(rest, start, parameters)
  const query = rest.indexOf('?', end)
  const path = rest.slice(end, query === -1 ? undefined : query)
  for (const [name, text] of [
    ['user', user],
    ['password', password],
    ['dbname', path.slice(1)],
  ] as const)
    if (text) parameters.set(name, decode(text, name))
  if (query !== -1) takeQuery(rest.slice(query + 1), parameters)
  return parameters
}

/** Takes `host:port,host:port` at `start`, and says where it ends. */
function takeHosts(text: string, start: number, parameters: Parameters): number {
  const hosts: string[] = []
  const ports: string[] = []
  let at = start
  do {
    HOST.lastIndex = at
    const [whole = '', address, name = '', port = ''] = HOST.exec(text) ?? []
    if (address === '') throw new Error('an address in brackets is empty')
    at += whole.length
    if (at < text.length && !',/?'.includes(text[at] ?? ''))
      throw new Error('a host must be a name, or an IPv6 address in brackets, followed by ":", "," or "/"')
    hosts.push(address ?? name)
    ports.push(port)
    at += 1
  } while (text[at - 1] === ',')
  if (hosts.join(',') !== '') parameters.set('host', decode(hosts.join(','), 'host'))
  if (ports.join(',') !== '') parameters.set('port', decode(ports.join(','), 'port'))
  return at - 1
}

function takeQuery(query: string, parameters: Parameters): void {
  for (const pair of query.replace(/&$/, '').split('&')) {
    if (query === '') return
    const [name = '', value, ...more] = pair.split('=')
    if (value === undefined || more.length > 0)
      throw new Error('a parameter must be name=value; write "=" in it as %3D')
    const [known, text] = translate(decode(name, 'a parameter'), decode(value, 'a parameter'))
    parameters.set(known, text)
  }
}

/** Two spellings that libpq takes for `sslmode`: that of JDBC, and an old one of its own. */
function translate(name: string, value: string): [string, string] {
  if (name === 'ssl' && value === 'true') return ['sslmode', 'require']
  if (name === 'requiressl') return ['sslmode', value.startsWith('1') ? 'require' : 'prefer']
  return [name, value]
}

function decode(text: string, part: string): string {
  if (HEX.test(text)) throw new Error(`in ${part}, "%" must be followed by two hexadecimal digits; write "%" as %25`)
  try {
    const decoded = decodeURIComponent(text)
    if (!decoded.includes('\0')) return decoded
  } catch {
    throw new Error(`${part}: the percent-encoded bytes are not UTF-8`)
  }
  throw new Error(`${part}: %00 cannot be used`)
}
