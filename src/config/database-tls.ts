import type { DatabaseTls, SslMode, TlsVersion } from '../repository/postgres/connection/address.ts'
import type { ParameterName, ParameterReader } from './database-parameters.ts'

const MODES = ['prefer', 'disable', 'allow', 'require', 'verify-ca', 'verify-full'] as const
const VERSIONS = ['TLSv1.2', 'TLSv1', 'TLSv1.1', 'TLSv1.3'] as const
/** The value of `sslrootcert` for the certificate authorities that the runtime trusts. */
const SYSTEM = 'system'

/** TLS settings from libpq's parameters. Reads the files that they name, but no default files in a home folder. */
export function tlsOf(parameters: ParameterReader): DatabaseTls {
  const ca = authoritiesOf(parameters)
  const mode = modeOf(parameters, ca !== undefined)
  const { cert, key, passphrase } = clientOf(parameters)
  const minVersion = parameters.oneOf('ssl_min_protocol_version', VERSIONS)
  const maxVersion = parameters.text('ssl_max_protocol_version')
    ? parameters.oneOf('ssl_max_protocol_version', VERSIONS)
    : undefined
  if (maxVersion !== undefined && rank(maxVersion) < rank(minVersion))
    parameters.mistake(
      'ssl_max_protocol_version',
      'expected at least ssl_min_protocol_version, which is TLSv1.2 by default',
    )
  const negotiation = parameters.oneOf('sslnegotiation', ['postgres', 'direct'])
  if (negotiation === 'direct' && !['require', 'verify-ca', 'verify-full'].includes(mode))
    parameters.mistake('sslnegotiation', 'direct needs sslmode=require, verify-ca or verify-full')
  if (parameters.oneOf('sslsni', ['1', '0']) === '0')
    parameters.mistake('sslsni', 'the server name is always sent; use 1')
  return { mode, ca, cert, key, passphrase, minVersion, maxVersion, negotiation }
}

const rank = (version: TlsVersion): number => [...VERSIONS].sort().indexOf(version)

function modeOf(parameters: ParameterReader, hasAuthorities: boolean): SslMode {
  const isSystem = parameters.text('sslrootcert') === SYSTEM
  const mode = parameters.text('sslmode') === undefined && isSystem ? 'verify-full' : parameters.oneOf('sslmode', MODES)
  if (isSystem && mode !== 'verify-full') parameters.mistake('sslrootcert', 'system needs sslmode=verify-full')
  if (mode === 'verify-ca' && !hasAuthorities && !isSystem)
    parameters.mistake('sslmode', 'verify-ca needs sslrootcert: any certificate of a public authority would pass')
  return mode === 'require' && hasAuthorities ? 'verify-ca' : mode
}

function authoritiesOf(parameters: ParameterReader): string | undefined {
  if (parameters.text('sslrootcert') === SYSTEM) return undefined
  const pem = readPem(parameters, 'sslrootcert')
  if (pem !== undefined && certificatesIn(pem).length === 0)
    parameters.mistake('sslrootcert', 'the file that it names holds no certificate in PEM format')
  return pem
}

type ClientCertificate = Pick<DatabaseTls, 'cert' | 'key' | 'passphrase'>

/** The client certificate and its key, which the passphrase decrypts. */
function clientOf(parameters: ParameterReader): ClientCertificate {
  const [cert, key] = [readPem(parameters, 'sslcert'), readPem(parameters, 'sslkey')]
  const passphrase = parameters.text('sslpassword') || undefined
  if (!parameters.text('sslcert') !== !parameters.text('sslkey'))
    parameters.mistake('sslcert', 'set sslcert and sslkey, or neither')
  if (cert === undefined || key === undefined) return { cert: undefined, key: undefined, passphrase: undefined }
  const [own] = certificatesIn(cert)
  if (!own) parameters.mistake('sslcert', 'the file that it names holds no certificate in PEM format')
  try {
    const opened = process.getBuiltinModule('node:crypto').createPrivateKey({ key, passphrase: passphrase ?? '' })
    if (own && !own.checkPrivateKey(opened)) parameters.mistake('sslkey', 'it is not the key of sslcert')
  } catch {
    parameters.mistake('sslkey', 'the file that it names holds no key in PEM format that sslpassword opens')
  }
  return { cert, key, passphrase }
}

function readPem(parameters: ParameterReader, name: ParameterName): string | undefined {
  const file = parameters.text(name)
  if (!file) return undefined
  try {
    return process.getBuiltinModule('node:fs').readFileSync(file, 'utf8')
  } catch {
    parameters.mistake(name, 'cannot read the file that it names')
    return undefined
  }
}

/** The certificates in a PEM text; none if one of them is invalid. */
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
