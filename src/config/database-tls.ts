import type { DatabaseTls, SslMode, TlsVersion } from '../repository/postgres/database-address.ts'
import type { Given, Parameter } from './database-parameters.ts'

const MODES = ['prefer', 'disable', 'allow', 'require', 'verify-ca', 'verify-full'] as const
const VERSIONS = ['TLSv1.2', 'TLSv1', 'TLSv1.1', 'TLSv1.3'] as const
/** The value of `sslrootcert` for the authorities that the runtime trusts. */
const SYSTEM = 'system'

/** TLS as libpq's parameters have it; reads the files that they name. No file in a home folder is read unnamed. */
export function tlsOf(given: Given): DatabaseTls {
  const ca = authoritiesOf(given)
  const mode = modeOf(given, ca !== undefined)
  const { cert, key, passphrase } = clientOf(given)
  const minVersion = given.oneOf('ssl_min_protocol_version', VERSIONS)
  const maxVersion = given.text('ssl_max_protocol_version')
    ? given.oneOf('ssl_max_protocol_version', VERSIONS)
    : undefined
  if (maxVersion !== undefined && rank(maxVersion) < rank(minVersion))
    given.mistake('ssl_max_protocol_version', 'expected at least ssl_min_protocol_version, which is TLSv1.2 by default')
  const negotiation = given.oneOf('sslnegotiation', ['postgres', 'direct'])
  if (negotiation === 'direct' && !['require', 'verify-ca', 'verify-full'].includes(mode))
    given.mistake('sslnegotiation', 'direct needs sslmode=require, verify-ca or verify-full')
  if (given.oneOf('sslsni', ['1', '0']) === '0') given.mistake('sslsni', 'the server name is always sent; use 1')
  return { mode, ca, cert, key, passphrase, minVersion, maxVersion, negotiation }
}

const rank = (version: TlsVersion): number => [...VERSIONS].sort().indexOf(version)

function modeOf(given: Given, hasAuthorities: boolean): SslMode {
  const isSystem = given.text('sslrootcert') === SYSTEM
  const mode = given.text('sslmode') === undefined && isSystem ? 'verify-full' : given.oneOf('sslmode', MODES)
  if (isSystem && mode !== 'verify-full') given.mistake('sslrootcert', 'system needs sslmode=verify-full')
  if (mode === 'verify-ca' && !hasAuthorities && !isSystem)
    given.mistake('sslmode', 'verify-ca needs sslrootcert: any certificate of a public authority would pass')
  return mode === 'require' && hasAuthorities ? 'verify-ca' : mode
}

function authoritiesOf(given: Given): string | undefined {
  if (given.text('sslrootcert') === SYSTEM) return undefined
  const pem = readPem(given, 'sslrootcert')
  if (pem !== undefined && certificatesIn(pem).length === 0)
    given.mistake('sslrootcert', 'the file that it names holds no certificate in PEM format')
  return pem
}

type Client = Pick<DatabaseTls, 'cert' | 'key' | 'passphrase'>

/** The client's certificate and its key, of which the passphrase is a part. */
function clientOf(given: Given): Client {
  const [cert, key] = [readPem(given, 'sslcert'), readPem(given, 'sslkey')]
  const passphrase = given.text('sslpassword') || undefined
  if (!given.text('sslcert') !== !given.text('sslkey')) given.mistake('sslcert', 'set sslcert and sslkey, or neither')
  if (cert === undefined || key === undefined) return { cert: undefined, key: undefined, passphrase: undefined }
  const [own] = certificatesIn(cert)
  if (!own) given.mistake('sslcert', 'the file that it names holds no certificate in PEM format')
  try {
    const opened = process.getBuiltinModule('node:crypto').createPrivateKey({ key, passphrase: passphrase ?? '' })
    if (own && !own.checkPrivateKey(opened)) given.mistake('sslkey', 'it is not the key of sslcert')
  } catch {
    given.mistake('sslkey', 'the file that it names holds no key in PEM format that sslpassword opens')
  }
  return { cert, key, passphrase }
}

function readPem(given: Given, name: Parameter): string | undefined {
  const file = given.text(name)
  if (!file) return undefined
  try {
    return process.getBuiltinModule('node:fs').readFileSync(file, 'utf8')
  } catch {
    given.mistake(name, 'cannot read the file that it names')
    return undefined
  }
}

/** The certificates of a PEM text; none when one of them is damaged. */
function certificatesIn(pem: string) {
  const { X509Certificate } = process.getBuiltinModule('node:crypto')
  try {
    return [...pem.matchAll(/-----BEGIN CERTIFICATE-----.+?-----END CERTIFICATE-----/gs)].map(
      ([text]) => new X509Certificate(text),
    )
  } catch {
    return []
  }
}
