import type { DatabaseHost } from '../repository/postgres/database-address.ts'
import type { Given } from './database-parameters.ts'

const DEFAULT_PORT = 5432
/** Where Debian's servers have their sockets; libpq connects there when no host is named. */
const SOCKET_FOLDER = '/var/run/postgresql'
/** More are a mistake: each is tried in turn, for as long as `connect_timeout`. */
const HOSTS_MAX = 32

/** The hosts of a connection: as many as there are in `hostaddr`, or else in `host`; one port for all, or one for each. */
export function hostsOf(given: Given): DatabaseHost[] {
  const addresses = listOf(given.text('hostaddr'))
  const names = listOf(given.text('host'))
  const ports = listOf(given.text('port')).map((port) => portOf(port, given))
  const count = addresses.length || names.length || 1
  if (count > HOSTS_MAX) given.mistake('host', `expected at most ${HOSTS_MAX} hosts`)
  if (names.length > 0 && names.length !== count) given.mistake('hostaddr', 'expected as many addresses as hosts')
  if (ports.length > 1 && ports.length !== count) given.mistake('port', 'expected one port, or as many as hosts')
  return Array.from({ length: count }, (_, index) => {
    const address = addresses[index] || undefined
    const host = names[index] || address || SOCKET_FOLDER
    if (!isHost(host)) given.mistake('host', 'expected host names, IP addresses, or folders of Unix sockets')
    if (address !== undefined && !isAddress(address)) given.mistake('hostaddr', 'expected IP addresses')
    return { host, address, port: ports[ports.length > 1 ? index : 0] ?? DEFAULT_PORT }
  })
}

const listOf = (text: string | undefined): string[] => (text ? text.split(',') : [])

function portOf(text: string, given: Given): number {
  if (text === '') return DEFAULT_PORT
  const port = /^\s*\d{1,5}\s*$/.test(text) ? Number(text) : 0
  if (port < 1 || port > 65_535) given.mistake('port', 'expected a whole number from 1 to 65535')
  return port
}

const isAddress = (text: string): boolean => process.getBuiltinModule('node:net').isIP(text) !== 0
/** A folder by its path (abstract sockets, which begin with "@", are beyond the runtimes), or what can be a name or an address. */
const isHost = (host: string): boolean =>
  host.startsWith('/') ? host.length <= 90 : host.length <= 253 && /^[^\s@/[\]]+$/.test(host)
