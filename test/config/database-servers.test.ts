// A table of database URLs, each tried by the service and by psql against real servers.

import assert from 'node:assert/strict'
import { chmodSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, describe, test } from 'node:test'
import { makeCertificates } from '../support/certificates.ts'
import {
  type DebianPostgres,
  HAS_DEBIAN_POSTGRES,
  handOver,
  makeCluster,
  psql,
  startDebianPostgres,
} from '../support/debian-postgres.ts'
import { runProgram } from '../support/process.ts'

/**
 * In URLs: IP is the port of a server with TLS whose certificate is of 127.0.0.1, and which refuses cleartext; NAME that of one
 * whose certificate is of localhost; BARE that of one without TLS; SOCKETS the folder of its socket; IP.pem and NAME.pem their authorities,
 * CARL.pem and CARL.key the certificate of a client.
 */
type Row = {
  readonly url: string
  /** User, database and whether TLS is used, where it connects; "refused", with the beginning of a reason that is found at start. */
  readonly verdict: string
  readonly env?: Readonly<Record<string, string>>
  /** Where psql's verdict is another: why ours is right. */
  readonly unlikePsql?: string
}

const PASSWORD = 'p@ss/w:?%'
const ADA = `ada:${encodeURIComponent(PASSWORD)}`
const QUERY = `select current_user, current_database(), case when ssl then 'tls' else 'clear' end from pg_stat_ssl where pid = pg_backend_pid()`
const [clear, tls] = ['ada flags clear', 'ada flags tls']
const TABLE: readonly Row[] = [
  { url: `postgres://${ADA}@127.0.0.1:BARE/flags`, verdict: clear },
  { url: `postgresql://${ADA}@localhost:BARE/flags`, verdict: clear },
  { url: `postgres://${ADA}@[::1]:BARE/flags`, verdict: clear },
  { url: `postgres://${ADA}@127.0.0.1:BARE/my%20db`, verdict: 'ada my db clear' },
  { url: `postgres://${ADA}@127.0.0.1:BARE`, verdict: 'ada ada clear' },
  {
    url: `postgres://o%27neil%40x:${encodeURIComponent(PASSWORD)}@127.0.0.1:BARE/flags`,
    verdict: `o'neil@x flags clear`,
  },
  { url: `postgres://127.0.0.1:BARE/flags?user=ada&password=${encodeURIComponent(PASSWORD)}`, verdict: clear },
  { url: 'postgres://ada:wrong@127.0.0.1:BARE/flags', verdict: 'refused' },
  { url: 'postgres://ada@127.0.0.1:BARE/flags', verdict: 'refused' },
  { url: `postgres://${ADA}@127.0.0.1:BARE/nothing`, verdict: 'refused' },
  { url: `postgres://${ADA}@127.0.0.1:1/flags`, verdict: 'refused' },
  {
    url: 'postgres://127.0.0.1:BARE',
    verdict: clear,
    env: { PGUSER: 'ada', PGPASSWORD: PASSWORD, PGDATABASE: 'flags' },
  },
  { url: 'postgres://ada@/flags', verdict: clear, env: { PGHOST: '127.0.0.1', PGPORT: 'BARE', PGPASSWORD: PASSWORD } },
  { url: `postgres://${ADA}@127.0.0.1:BARE/flags`, verdict: 'refused', env: { PGSSLMODE: 'require' } },
  // Unix sockets
  { url: 'postgres:///flags?host=SOCKETS&port=BARE&user=ada', verdict: clear },
  { url: 'postgres://ada@/flags?host=SOCKETS&port=BARE', verdict: clear },
  { url: 'postgres://ada@%SOCKETS:BARE/flags', verdict: clear },
  { url: 'postgres://ada@localhost:BARE/flags?host=SOCKETS', verdict: clear },
  { url: 'postgres://ada@/flags?host=SOCKETS&port=BARE&sslmode=require', verdict: clear },
  { url: 'postgres://ada@/flags?host=/nowhere&port=BARE', verdict: 'refused' },
  // sslmode
  { url: `postgres://${ADA}@127.0.0.1:BARE/flags?sslmode=disable`, verdict: clear },
  { url: `postgres://${ADA}@127.0.0.1:BARE/flags?sslmode=allow`, verdict: clear },
  { url: `postgres://${ADA}@127.0.0.1:BARE/flags?sslmode=prefer`, verdict: clear },
  { url: `postgres://${ADA}@127.0.0.1:BARE/flags?sslmode=require`, verdict: 'refused' },
  { url: `postgres://${ADA}@127.0.0.1:IP/flags`, verdict: tls },
  { url: `postgres://${ADA}@127.0.0.1:IP/flags?sslmode=disable`, verdict: 'refused' },
  { url: `postgres://${ADA}@127.0.0.1:IP/flags?sslmode=allow`, verdict: tls },
  { url: `postgres://${ADA}@127.0.0.1:IP/flags?sslmode=require`, verdict: tls },
  { url: `postgres://${ADA}@127.0.0.1:IP/flags?ssl=true`, verdict: tls },
  { url: `postgres://${ADA}@127.0.0.1:IP/flags?sslmode=require&sslrootcert=IP.pem`, verdict: tls },
  { url: `postgres://${ADA}@127.0.0.1:IP/flags?sslmode=require&sslrootcert=NAME.pem`, verdict: 'refused' },
  { url: `postgres://${ADA}@127.0.0.1:IP/flags?sslmode=verify-ca&sslrootcert=IP.pem`, verdict: tls },
  { url: `postgres://${ADA}@localhost:IP/flags?sslmode=verify-ca&sslrootcert=IP.pem`, verdict: tls },
  { url: `postgres://${ADA}@127.0.0.1:IP/flags?sslmode=verify-ca&sslrootcert=NAME.pem`, verdict: 'refused' },
  { url: `postgres://${ADA}@127.0.0.1:IP/flags?sslmode=verify-full&sslrootcert=IP.pem`, verdict: tls },
  { url: `postgres://${ADA}@localhost:IP/flags?sslmode=verify-full&sslrootcert=IP.pem`, verdict: 'refused' },
  { url: `postgres://${ADA}@[::1]:IP/flags?sslmode=verify-full&sslrootcert=IP.pem`, verdict: 'refused' },
  { url: `postgres://${ADA}@localhost:NAME/flags?sslmode=verify-full&sslrootcert=NAME.pem`, verdict: tls },
  { url: `postgres://${ADA}@127.0.0.1:NAME/flags?sslmode=verify-full&sslrootcert=NAME.pem`, verdict: 'refused' },
  {
    url: `postgres://${ADA}@localhost:NAME/flags?hostaddr=127.0.0.1&sslmode=verify-full&sslrootcert=NAME.pem`,
    verdict: tls,
  },
  { url: `postgres://${ADA}@localhost:NAME/flags?sslmode=verify-full&sslrootcert=IP.pem`, verdict: 'refused' },
  { url: `postgres://${ADA}@localhost:NAME/flags?sslmode=verify-full`, verdict: 'refused' },
  {
    url: `postgres://${ADA}@localhost:NAME/flags?sslrootcert=system`,
    verdict: 'refused',
    unlikePsql: 'psql 15 takes it for a file, and checks nothing',
  },
  { url: `postgres://${ADA}@localhost:NAME/flags?sslmode=verify-ca`, verdict: 'refused: DATABASE_URL: sslmode' },
  {
    url: `postgres://${ADA}@localhost:NAME/flags?sslmode=require&sslrootcert=/nowhere`,
    verdict: 'refused: DATABASE_URL: sslrootcert',
    unlikePsql: 'psql then checks nothing',
  },
  { url: `postgres://${ADA}@localhost:NAME/flags?sslmode=no-verify`, verdict: 'refused: DATABASE_URL: sslmode' },
  { url: `postgres://${ADA}@localhost:NAME/flags?ssl_min_protocol_version=TLSv1.3`, verdict: tls },
  {
    url: 'postgres://carl@127.0.0.1:IP/flags?sslmode=require&sslcert=CARL.pem&sslkey=CARL.key',
    verdict: 'carl flags tls',
  },
  { url: 'postgres://carl@127.0.0.1:IP/flags?sslmode=require', verdict: 'refused' },
  // Channel binding
  { url: `postgres://${ADA}@localhost:NAME/flags?sslmode=require&channel_binding=require`, verdict: tls },
  { url: `postgres://${ADA}@localhost:NAME/flags?sslmode=require&channel_binding=disable`, verdict: tls },
  { url: `postgres://${ADA}@127.0.0.1:BARE/flags?channel_binding=require`, verdict: 'refused' },
  { url: `postgres://ada@/flags?host=SOCKETS&port=BARE&channel_binding=require`, verdict: 'refused' },
  // Several hosts
  { url: `postgres://${ADA}@127.0.0.1:1,127.0.0.1:BARE/flags`, verdict: clear },
  { url: `postgres://${ADA}@nowhere.invalid,127.0.0.1/flags?port=BARE`, verdict: clear },
  {
    url: `postgres://${ADA}@127.0.0.1:BARE,127.0.0.1:NAME/flags?sslmode=require`,
    verdict: tls,
    unlikePsql: 'psql tries no other host after one without TLS',
  },
  { url: `postgres://${ADA}@127.0.0.1:1,127.0.0.1:2/flags`, verdict: 'refused' },
  {
    url: `postgres://${ADA}@127.0.0.1,127.0.0.1,127.0.0.1:BARE/flags?port=1,2`,
    verdict: 'refused: DATABASE_URL: port',
  },
  { url: `postgres://${ADA}@127.0.0.1:BARE/flags?target_session_attrs=any`, verdict: clear },
  { url: `postgres://${ADA}@127.0.0.1:BARE/flags?target_session_attrs=read-write`, verdict: clear },
  { url: `postgres://${ADA}@127.0.0.1:BARE/flags?target_session_attrs=primary`, verdict: clear },
  { url: `postgres://${ADA}@127.0.0.1:BARE/flags?target_session_attrs=prefer-standby`, verdict: clear },
  { url: `postgres://${ADA}@127.0.0.1:BARE/flags?target_session_attrs=standby`, verdict: 'refused' },
  { url: `postgres://${ADA}@127.0.0.1:BARE/flags?target_session_attrs=read-only`, verdict: 'refused' },
  { url: `postgres://${ADA}@127.0.0.1:BARE/frozen?target_session_attrs=read-write`, verdict: 'refused' },
  { url: `postgres://${ADA}@127.0.0.1:BARE/frozen?target_session_attrs=read-only`, verdict: 'ada frozen clear' },
  {
    url: `postgres://${ADA}@127.0.0.1:BARE,127.0.0.1:NAME/frozen?target_session_attrs=read-write`,
    verdict: 'ada frozen tls',
  },
  // Other parameters
  {
    url: `postgres://${ADA}@127.0.0.1:BARE/flags?gssencmode=disable&connect_timeout=10&keepalives=1&keepalives_idle=30&keepalives_interval=10&keepalives_count=3&application_name=my%20app`,
    verdict: clear,
  },
  {
    url: `postgres://${ADA}@127.0.0.1:BARE/flags?options=-c%20default_transaction_read_only%3Don&target_session_attrs=read-only`,
    verdict: clear,
  },
  {
    url: `postgres://${ADA}@127.0.0.1:BARE/flags?target_session_attrs=read-write`,
    verdict: 'refused',
    env: { PGOPTIONS: '-c default_transaction_read_only=on' },
  },
  { url: `postgres://${ADA}@127.0.0.1:BARE/flags?options=-c%20no.such`, verdict: 'refused' },
  { url: `postgres://${ADA}@127.0.0.1:BARE/flags?gssencmode=require`, verdict: 'refused: DATABASE_URL: gssencmode' },
  {
    url: `postgres://${ADA}@127.0.0.1:BARE/flags?pgbouncer=true`,
    verdict: 'refused: DATABASE_URL: no such parameter: pgbouncer',
  },
  {
    url: `postgres://${ADA}@127.0.0.1:BARE/flags?statement_timeout=1`,
    verdict: 'refused: DATABASE_URL: no such parameter',
  },
  { url: `postgres://${ADA}@127.0.0.1:BARE/flags?service=x`, verdict: 'refused: DATABASE_URL: the parameter service' },
  {
    url: `postgres://${ADA}@127.0.0.1:BARE/flags?connect_timeout=soon`,
    verdict: 'refused: DATABASE_URL: connect_timeout',
  },
  { url: `postgres://ada:p%zz@127.0.0.1:BARE/flags`, verdict: 'refused: DATABASE_URL: in password' },
  { url: `postgres://ada:${PASSWORD}@127.0.0.1:BARE/flags`, verdict: 'refused: DATABASE_URL: ' },
]

describe('URLs of a database', { skip: HAS_DEBIAN_POSTGRES ? false : "this machine has no Debian's Postgres" }, () => {
  const servers: DebianPostgres[] = []
  const words: Record<string, string> = {}
  let folder: string
  let verdicts: readonly string[]
  before(async () => {
    folder = mkdtempSync(join(tmpdir(), 'flagstaff-database-urls-'))
    chmodSync(folder, 0o755)
    const cluster = makeCluster(join(folder, 'servers'))
    const carl = makeCertificates(folder, 'carl')
    const encrypted = (host: string) => {
      const { authority, certificate, key } = makeCertificates(folder, host)
      const own = (file: string) =>
        handOver(file, join(folder, 'servers', `${host}-${file.endsWith('key.pem') ? 'key' : 'cert'}`))
      const files = { ssl_cert_file: own(certificate), ssl_key_file: own(key) }
      return {
        authority,
        settings: { ssl: 'on', ...files, ssl_ca_file: handOver(carl.authority, join(folder, 'servers', `${host}-ca`)) },
      }
    }
    const [ip, name] = [encrypted('127.0.0.1'), encrypted('localhost')]
    const passwords = ['local all all trust', 'host all all all scram-sha-256']
    servers.push(
      await startDebianPostgres(cluster, {
        settings: ip.settings,
        access: ['local all all trust', 'hostssl all carl all cert', 'hostssl all all all scram-sha-256'],
      }),
      await startDebianPostgres(cluster, { settings: name.settings, access: passwords }),
      await startDebianPostgres(cluster, { access: passwords }),
    )
    for (const [index, server] of servers.entries()) await fill(server, index === 2)
    const [ipPort, namePort, barePort] = servers.map(({ port }) => String(port))
    Object.assign(words, {
      IP: ipPort,
      NAME: namePort,
      BARE: barePort,
      SOCKETS: servers[2]?.sockets,
      '%SOCKETS': encodeURIComponent(servers[2]?.sockets ?? ''),
    })
    Object.assign(words, {
      'IP.pem': ip.authority,
      'NAME.pem': name.authority,
      'CARL.pem': carl.certificate,
      'CARL.key': carl.key,
    })
    const program = runProgram(
      'test/config/database-verdicts.ts',
      {},
      { args: [JSON.stringify(TABLE.map(written)), QUERY] },
    )
    await program.ended
    verdicts = JSON.parse(program.output())
  })
  after(async () => {
    await Promise.all(servers.map((server) => server.stop()))
    rmSync(folder, { recursive: true, force: true })
  })
  const withWords = (text: string) => text.replace(/%?\b[A-Z]{2,}(\.pem|\.key)?/g, (word) => words[word] ?? word)
  const written = ({ url, env = {} }: Row) => ({
    url: withWords(url),
    env: Object.fromEntries(Object.entries(env).map(([name, value]) => [name, withWords(value)])),
  })

  for (const [index, row] of TABLE.entries())
    test(`${Object.keys(row.env ?? {})} ${row.url}: ${row.verdict}`, async () => {
      const { verdict, unlikePsql } = row
      const ours = verdicts[index] ?? ''
      assert.equal(verdict.startsWith('refused') ? ours.slice(0, verdict.length) : ours, verdict, ours)
      assert.ok(!ours.includes(PASSWORD) && !ours.includes(encodeURIComponent(PASSWORD)), ours)
      const { url, env } = written(row)
      const theirs = await psql(url, QUERY, env).catch(() => 'refused')
      if (unlikePsql === undefined) assert.equal(theirs, verdict.startsWith('refused') ? 'refused' : verdict)
    })
})

/** Users and databases of the table; the last server's database "frozen" takes no changes. */
async function fill({ port, sockets }: DebianPostgres, isLast: boolean): Promise<void> {
  const url = `postgres://postgres@/postgres?host=${sockets}&port=${port}`
  for (const statement of [
    ...['ada', 'carl', "o'neil@x"].map((user) => `create user "${user}" password '${PASSWORD}'`),
    ...['flags', 'ada', 'my db', 'frozen'].map((name) => `create database "${name}"`),
    ...(isLast ? ['alter database frozen set default_transaction_read_only = on'] : []),
  ])
    await psql(url, statement)
}
