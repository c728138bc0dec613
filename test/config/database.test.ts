import assert from 'node:assert/strict'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir, userInfo } from 'node:os'
import { join } from 'node:path'
import { after, describe, test } from 'node:test'
import { parseDatabaseUrl } from '../../src/config/database.ts'
import { makeCertificates } from '../support/certificates.ts'

const folder = mkdtempSync(join(tmpdir(), 'flagstaff-database-url-'))
after(() => rmSync(folder, { recursive: true }))
const { authority, certificate, key } = makeCertificates(folder, 'db.example')
const other = makeCertificates(folder, 'other.example')
const junk = join(folder, 'junk.pem')
writeFileSync(junk, '-----BEGIN CERTIFICATE-----\nnonsense\n-----END CERTIFICATE-----\n')

/** The parts of an address that a test names. */
const partsOf = (url: string, env: Record<string, string> = {}) => {
  const { hosts, user, password, database, tls, ...rest } = parseDatabaseUrl(url, env)
  const places = hosts.map(({ host, address, port }) => `${address === undefined ? '' : `${address}=`}${host}:${port}`)
  return { hosts: places.join(' '), user, password, database, mode: tls.mode, ...rest }
}
const mistakeOf = (url: string, env: Record<string, string> = {}): string => {
  try {
    parseDatabaseUrl(url, env)
    return ''
  } catch (error) {
    return (error as Error).message
  }
}

for (const [url, expected, env] of [
  ['postgres://ada:hush@db.example:5433/flags', { hosts: 'db.example:5433', user: 'ada', password: 'hush' }],
  ['postgresql://ada@db.example', { hosts: 'db.example:5432', database: 'ada', mode: 'prefer' }],
  ['postgres://a%40b:p%2Fw%3A%25@h/d%20b', { user: 'a@b', password: 'p/w:%', database: 'd b' }],
  ['postgres://ada:a:b@h/d', { user: 'ada', password: 'a:b' }],
  ['postgres://ada:a?b#c@h/d', { user: 'ada', password: 'a?b#c', hosts: 'h:5432' }],
  ['postgres://:hush@h/d', { user: userInfo().username, password: 'hush' }],
  ['postgres://', { hosts: '/var/run/postgresql:5432', database: userInfo().username }],
  ['postgres:///d?host=/cloudsql/p:r:i&user=ada', { hosts: '/cloudsql/p:r:i:5432', user: 'ada', database: 'd' }],
  ['postgres://ada:hush@%2Fcloudsql%2Fp%3Ar%3Ai/d', { hosts: '/cloudsql/p:r:i:5432' }],
  ['postgres://ada@localhost/d?host=/cloudsql/p:r:i', { hosts: '/cloudsql/p:r:i:5432' }],
  ['postgres://ada@[::1]:5433/d', { hosts: '::1:5433' }],
  ['postgres://ada@[2001:db8::1]/d', { hosts: '2001:db8::1:5432' }],
  ['postgres://ada@a:1,b:2,c/d', { hosts: 'a:1 b:2 c:5432' }],
  ['postgres://ada@[::1],b:2/d', { hosts: '::1:5432 b:2' }],
  ['postgres://ada@a,b/d?port=6000', { hosts: 'a:6000 b:6000' }],
  ['postgres:///d?host=a,b&port=1,2&user=ada', { hosts: 'a:1 b:2' }],
  ['postgres://ada@db.example/d?hostaddr=10.0.0.7', { hosts: '10.0.0.7=db.example:5432' }],
  ['postgres://ada@h/d?sslmode=require&channel_binding=require', { mode: 'require', channelBinding: 'require' }],
  ['postgres://ada@h/d?ssl=true', { mode: 'require' }],
  ['postgres://ada@h/d?requiressl=1', { mode: 'require' }],
  [`postgres://ada@h/d?sslmode=require&sslrootcert=${authority}`, { mode: 'verify-ca' }],
  ['postgres://ada@h/d?sslrootcert=system', { mode: 'verify-full' }],
  ['postgres://ada@h/d?sslmode=verify-full', { mode: 'verify-full' }],
  ['postgres://ada@h/d?target_session_attrs=prefer-standby', { targetSessionAttrs: 'prefer-standby' }],
  ['postgres://ada@a,b/d?load_balance_hosts=random', { loadBalanceHosts: 'random' }],
  ['postgres://ada@h/d?connect_timeout=10', { connectTimeoutSeconds: 10 }],
  ['postgres://ada@h/d?connect_timeout=0', { connectTimeoutSeconds: undefined }],
  [
    'postgres://ada@h/d?keepalives=1&keepalives_idle=30&keepalives_interval=10&keepalives_count=3',
    { keepAlive: { isOn: true, idleSeconds: 30 } },
  ],
  ['postgres://ada@h/d?keepalives=0', { keepAlive: { isOn: false, idleSeconds: undefined } }],
  ['postgres://ada@h/d?application_name=my%20app', { applicationName: 'my app' }],
  ['postgres://ada@h/d?fallback_application_name=other', { applicationName: 'other' }],
  ['postgres://ada@h/d?options=-c%20search_path%3Dflags', { options: '-c search_path=flags' }],
  ['postgres://ada@h/d?options=project%3Dep-1', { options: 'project=ep-1' }],
  ['postgres://ada@h/d?gssencmode=disable', { mode: 'prefer' }],
  ['postgres://ada@h/d?client_encoding=UTF8&sslcompression=0&replication=false', { database: 'd' }],
  ['postgres://ada@h/d?', { database: 'd' }],
  ['postgres://ada@h/d?sslmode=disable&', { mode: 'disable' }],
  ['postgres://ada@h/d?dbname=e&user=bob&password=x', { database: 'e', user: 'bob', password: 'x' }],
  [
    'postgres:///',
    { hosts: 'pg.example:6000', user: 'bob', database: 'e' },
    { PGHOST: 'pg.example', PGPORT: '6000', PGUSER: 'bob', PGDATABASE: 'e' },
  ],
  ['postgres://ada@h/d', { password: 'hush', user: 'ada' }, { PGPASSWORD: 'hush', PGUSER: 'bob', PGPASSFILE: '/x' }],
  [
    'postgres://ada@h/d?sslmode=disable',
    { mode: 'disable', applicationName: 'x' },
    { PGSSLMODE: 'require', PGAPPNAME: 'x' },
  ],
  ['postgres://ada@h/d', { mode: 'require', options: '-c a=b' }, { PGSSLMODE: 'require', PGOPTIONS: '-c a=b' }],
] as [string, Record<string, unknown>, Record<string, string>?][])
  test(`${url.replace(folder, '')} ${Object.keys(env ?? {})} is understood`, () => {
    const parts: Record<string, unknown> = partsOf(url, env)
    for (const [name, value] of Object.entries(expected)) assert.deepEqual(parts[name], value, name)
  })

for (const [url, mistake, env] of [
  ['localhost', /^DATABASE_URL: expected postgres:/],
  ['mysql://h/d', /^DATABASE_URL: expected postgres:/],
  ['postgres:/h/d', /^DATABASE_URL: expected postgres:/],
  ['POSTGRES://ada@h/d', /^DATABASE_URL: expected postgres:/],
  ['postgres://ada:SECRET%@h/d', /^DATABASE_URL: in password, "%" must/],
  ['postgres://ada:SECRET%zz@h/d', /^DATABASE_URL: in password, "%" must/],
  ['postgres://ada%00@h/d', /^DATABASE_URL: user: %00/],
  ['postgres://ada%ff@h/d', /^DATABASE_URL: user: the percent-encoded bytes/],
  ['postgres://ada:SEC/RET@h/d', /^DATABASE_URL: port: expected/],
  ['postgres://SEC/RET@h/d?SECRET=1', /^DATABASE_URL: it has a parameter that libpq does not know/],
  ['postgres://ada@[::1/d', /^DATABASE_URL: a host must be/],
  ['postgres://ada@[]/d', /^DATABASE_URL: an address in brackets is empty/],
  ['postgres://ada@[::1]x/d', /^DATABASE_URL: a host must be/],
  ['postgres://ada@h:0/d', /^DATABASE_URL: port: expected/],
  ['postgres://ada@h:65536/d', /^DATABASE_URL: port: expected/],
  ['postgres://ada@a:1,b:x/d', /^DATABASE_URL: port: expected/],
  ['postgres://ada@a,b,c/d?port=1,2', /^DATABASE_URL: port: expected one port, or as many/],
  ['postgres://ada@a/d?hostaddr=10.0.0.1,10.0.0.2', /^DATABASE_URL: hostaddr: expected as many/],
  ['postgres://ada@a/d?hostaddr=b', /^DATABASE_URL: hostaddr: expected IP/],
  ['postgres://ada@h/d?host=@abstract', /^DATABASE_URL: host: expected/],
  ['postgres://ada@h/d?sslmode=foo', /^DATABASE_URL: sslmode: expected one of/],
  ['postgres://ada@h/d?sslmode=', /^DATABASE_URL: sslmode: expected one of/],
  ['postgres://ada@h/d?sslmode=verify-ca', /^DATABASE_URL: sslmode: verify-ca needs sslrootcert/],
  ['postgres://ada@h/d?sslmode=require&sslrootcert=system', /^DATABASE_URL: sslrootcert: system needs/],
  ['postgres://ada@h/d?sslmode=require&sslrootcert=/nowhere', /^DATABASE_URL: sslrootcert: cannot read/],
  [`postgres://ada@h/d?sslrootcert=${junk}`, /^DATABASE_URL: sslrootcert: the file that it names holds no/],
  [`postgres://ada@h/d?sslcert=${certificate}`, /^DATABASE_URL: sslcert: set sslcert and sslkey/],
  [`postgres://ada@h/d?sslcert=${certificate}&sslkey=${junk}`, /^DATABASE_URL: sslkey: the file/],
  [`postgres://ada@h/d?sslcert=${certificate}&sslkey=${other.key}`, /^DATABASE_URL: sslkey: it is not the key/],
  ['postgres://ada@h/d?ssl=false', /^DATABASE_URL: no such parameter: ssl$/],
  ['postgres://ada@h/d?pgbouncer=true', /^DATABASE_URL: no such parameter: pgbouncer$/],
  ['postgres://ada@h/d?sslmode', /^DATABASE_URL: a parameter must be name=value/],
  ['postgres://ada@h/d?options=-c a=b', /^DATABASE_URL: a parameter must be name=value/],
  ['postgres://ada@h/d?gssencmode=require', /^DATABASE_URL: gssencmode: GSSAPI is not supported/],
  ['postgres://ada@h/d?target_session_attrs=master', /^DATABASE_URL: target_session_attrs: expected one of/],
  ['postgres://ada@h/d?channel_binding=yes', /^DATABASE_URL: channel_binding: expected one of/],
  ['postgres://ada@h/d?connect_timeout=soon', /^DATABASE_URL: connect_timeout: expected a whole number/],
  ['postgres://ada@h/d?sslsni=0', /^DATABASE_URL: sslsni: /],
  ['postgres://ada@h/d?keepalives_count=x', /^DATABASE_URL: keepalives_count: expected a whole number/],
  ['postgres://ada@h/d?ssl_min_protocol_version=TLSv1.3&ssl_max_protocol_version=TLSv1.2', /^DATABASE_URL: ssl_max/],
  ['postgres://ada@h/d?sslnegotiation=direct', /^DATABASE_URL: sslnegotiation: direct needs/],
  ['postgres://ada@h/d?client_encoding=latin1', /^DATABASE_URL: client_encoding: only UTF8/],
  ['postgres://ada@h/d?replication=database', /^DATABASE_URL: replication: /],
  ['postgres://ada@h/d?service=prod', /^DATABASE_URL: the parameter service cannot be used/],
  ['postgres://ada@h/d?passfile=/x', /^DATABASE_URL: the parameter passfile cannot be used/],
  ['postgres://ada@h/d?requirepeer=postgres', /^DATABASE_URL: the parameter requirepeer cannot be used/],
  ['postgres://ada@h/d?tcp_user_timeout=1', /^DATABASE_URL: the parameter tcp_user_timeout cannot be used/],
  ['postgres://ada@h/d?sslcrl=/x', /^DATABASE_URL: the parameter sslcrl cannot be used/],
  ['postgres://ada@h/d', /^PGSSLMODE: expected one of/, { PGSSLMODE: 'foo' }],
  ['postgres://ada@h/d', /^PGSERVICE: cannot be used/, { PGSERVICE: 'prod' }],
  ['postgres://ada@h/d', /^PGPASSFILE: cannot be used/, { PGPASSFILE: '/x' }],
  ['postgres://ada@h/d', /^PGCONNECT_TIMEOUT: expected a whole number/, { PGCONNECT_TIMEOUT: 'x' }],
] as [string, RegExp, Record<string, string>?][])
  test(`${url.replace(folder, '')} ${Object.keys(env ?? {})} is refused`, () => {
    const found = mistakeOf(url, env)
    assert.match(found, mistake)
    assert.ok(!/SEC|RET/.test(found), found)
  })

describe('every mistake of a URL', () => {
  test('is a line of its own', () => {
    const url = 'postgres://ada@h:x/d?sslmode=foo&connect_timeout=soon&service=a'
    assert.equal(mistakeOf(url).split('\n').length, 4)
  })
})

test('certificates are read, and the key with its passphrase', () => {
  const { tls } = parseDatabaseUrl(
    `postgres://ada@h/d?sslmode=verify-full&sslrootcert=${authority}&sslcert=${certificate}&sslkey=${key}`,
  )
  assert.match(tls.ca ?? '', /BEGIN CERTIFICATE/)
  assert.match(tls.cert ?? '', /BEGIN CERTIFICATE/)
  assert.match(tls.key ?? '', /BEGIN .*PRIVATE KEY/)
  assert.deepEqual([tls.minVersion, tls.maxVersion, tls.negotiation], ['TLSv1.2', undefined, 'postgres'])
})
