// A table of Redis URLs, each tried by the service's client and by redis-cli against real servers.
import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, describe, test } from 'node:test'
import { makeCertificates } from '../support/certificates.ts'
import { startAtFreePort } from '../support/daemon.ts'
import { runProgram } from '../support/process.ts'
import { HAS_REDIS, type RedisServer, startRedis } from '../support/redis.ts'

const PASSWORD = 'p@ss/w:%'
const SECRET = encodeURIComponent(PASSWORD)
/** P: the port; A: the port with a certificate of 127.0.0.1; N: that with one of localhost; V: that on ::1. */
type Row = {
  readonly url: string
  /** User and database where it connects, or the beginning of the reason why it does not. */
  readonly verdict: string
  /** Where redis-cli's verdict is another: why ours is right. */
  readonly unlikeCli?: string
}
const NO_IPV6 = 'redis-cli 7.0 takes no IPv6 address from a URL'
const NO_HOST_CHECK = 'redis-cli does not compare the certificate with the host'
const TABLE: readonly Row[] = [
  { url: 'redis://127.0.0.1:P', verdict: 'default 0' },
  { url: 'redis://127.0.0.1:P/', verdict: 'default 0' },
  { url: 'redis://127.0.0.1:P/2', verdict: 'default 2' },
  { url: 'redis://127.0.0.1:P?db=2', verdict: 'default 2', unlikeCli: 'redis-cli ignores ?db=' },
  { url: 'redis://localhost:P/15', verdict: 'default 15' },
  { url: 'redis://[::1]:P/1', verdict: 'default 1', unlikeCli: NO_IPV6 },
  { url: 'REDIS://127.0.0.1:P', verdict: 'default 0' },
  { url: `redis://ada:${SECRET}@127.0.0.1:P`, verdict: 'ada 0' },
  { url: `redis://ada:${SECRET}@127.0.0.1:P/3`, verdict: 'ada 3' },
  { url: `redis://a%3Ab:${SECRET}@127.0.0.1:P`, verdict: 'a:b 0' },
  { url: 'redis://bob:@127.0.0.1:P', verdict: 'bob 0' },
  { url: 'redis://bob@127.0.0.1:P', verdict: 'bob 0', unlikeCli: 'redis-cli takes the user for a password' },
  {
    url: 'redis://ada@127.0.0.1:P',
    verdict: 'refused: Cannot reach Redis: .*WRONGPASS',
    unlikeCli: 'as above, and goes on unauthenticated',
  },
  {
    url: 'redis://ada:wrong@127.0.0.1:P',
    verdict: 'refused: Cannot reach Redis: .*WRONGPASS',
    unlikeCli: 'redis-cli goes on unauthenticated',
  },
  {
    url: 'redis://127.0.0.1:P/99',
    verdict: 'refused: Cannot reach Redis: .*DB index',
    unlikeCli: 'redis-cli goes on in database 0',
  },
  { url: 'redis://127.0.0.1:1', verdict: 'refused: Cannot reach Redis' },
  { url: 'redis://nowhere.invalid:P', verdict: 'refused: Cannot reach Redis' },
  {
    url: 'redis://ada:p%@127.0.0.1:P',
    verdict: 'refused: "%" in the password',
    unlikeCli: 'redis-cli stops without a word',
  },
  {
    url: 'redis://ada:p%ff@127.0.0.1:P',
    verdict: 'refused: "%" in the password',
    unlikeCli: 'redis-cli goes on unauthenticated',
  },
  { url: 'redis://ada:p@ss/w@127.0.0.1:P', verdict: 'refused: after the host' },
  { url: 'redis://127.0.0.1:P/x', verdict: 'refused: after the host', unlikeCli: 'redis-cli ignores it' },
  { url: 'redis://127.0.0.1:P/2/3', verdict: 'refused: after the host', unlikeCli: 'redis-cli ignores it' },
  { url: 'redis://127.0.0.1:P?timeout=5', verdict: 'refused: after the host', unlikeCli: 'redis-cli ignores it' },
  {
    url: 'redis://127.0.0.1:P/1?db=2',
    verdict: 'refused: it names two databases',
    unlikeCli: 'redis-cli ignores ?db=',
  },
  {
    url: 'redis://127.0.0.1:99999',
    verdict: 'refused: expected a port',
    unlikeCli: 'redis-cli takes the port modulo 65536, where another server may listen',
  },
  { url: 'redis://a,b:P', verdict: 'refused: expected one host' },
  { url: 'redis://', verdict: 'refused: expected one host', unlikeCli: 'redis-cli takes 127.0.0.1:6379' },
  { url: 'http://127.0.0.1:P', verdict: 'refused: expected redis:' },
  { url: 'rediss://127.0.0.1:A/4', verdict: 'default 4' },
  { url: `rediss://ada:${SECRET}@localhost:N`, verdict: 'ada 0' },
  {
    url: 'rediss://localhost:A',
    verdict: 'refused: Cannot reach Redis: ERR_TLS_CERT_ALTNAME',
    unlikeCli: NO_HOST_CHECK,
  },
  {
    url: 'rediss://127.0.0.1:N',
    verdict: 'refused: Cannot reach Redis: ERR_TLS_CERT_ALTNAME',
    unlikeCli: NO_HOST_CHECK,
  },
  { url: 'rediss://[::1]:V', verdict: 'default 0', unlikeCli: NO_IPV6 },
  { url: 'rediss://127.0.0.1:P', verdict: 'refused: Cannot reach Redis' },
  { url: 'redis://127.0.0.1:A', verdict: 'refused: ' },
]

describe('URLs of Redis', { skip: HAS_REDIS ? false : 'there is no redis-server on this machine' }, () => {
  const servers: RedisServer[] = []
  let folder: string
  let authorities: string
  let ports: Record<string, string>
  before(async () => {
    folder = mkdtempSync(join(tmpdir(), 'flagstaff-redis-urls-'))
    authorities = join(folder, 'authorities.pem')
    const tls = await Promise.all(['127.0.0.1', 'localhost', '::1'].map(startWithTls))
    writeFileSync(authorities, tls.map(({ authority }) => readFileSync(authority)).join(''))
    const [plain] = servers
    const [address, name, six] = tls.map(({ port }) => port)
    ports = { P: String(plain?.port), A: address ?? '', N: name ?? '', V: six ?? '' }
  })
  after(async () => {
    await Promise.all(servers.map((server) => server.kill()))
    rmSync(folder, { recursive: true, force: true })
  })
  const startWithTls = async (host: string) => {
    const { authority, certificate, key } = makeCertificates(folder, host)
    const users = [`ada on >${PASSWORD} ~* &* +@all`, 'bob on nopass ~* &* +@all', `a:b on >${PASSWORD} ~* &* +@all`]
    const tls = ['--tls-cert-file', certificate, '--tls-key-file', key, '--tls-auth-clients', 'no']
    const options = [...tls, '--bind', '127.0.0.1', '::1', ...users.flatMap((user) => ['--user', ...user.split(' ')])]
    const port = await startAtFreePort(async (port) => {
      servers.push(await startRedis(['--tls-port', String(port), ...options]))
      return String(port)
    })
    return { authority, port }
  }
  const withPorts = (url: string) => url.replace(/(?<=:)[PANV]\b/, (name) => ports[name] ?? '')

  let verdicts: readonly string[]
  before(async () => {
    const program = runProgram(
      'test/config/redis-verdicts.ts',
      { NODE_EXTRA_CA_CERTS: authorities },
      {
        args: [JSON.stringify(TABLE.map(({ url }) => withPorts(url)))],
      },
    )
    await program.ended
    verdicts = JSON.parse(program.output())
  })

  for (const [index, { url, verdict, unlikeCli }] of TABLE.entries())
    test(`${url}: ${verdict}`, async () => {
      assert.match(verdicts[index] ?? '', new RegExp(`^${verdict}`))
      assert.ok(!verdicts[index]?.includes(PASSWORD))
      const theirs = await cliVerdict(withPorts(url), authorities)
      if (unlikeCli === undefined) assert.equal(theirs, verdict.startsWith('refused') ? undefined : verdict)
    })
})

/** User and database of redis-cli's connection; undefined where it has none. */
function cliVerdict(url: string, authorities: string): Promise<string | undefined> {
  return new Promise((resolve) => {
    const args = ['-u', url, '--cacert', authorities, 'CLIENT', 'INFO']
    execFile('redis-cli', args, { timeout: 5_000 }, (_, output) => {
      const [, database, user] = / db=(\d+) .* user=(\S+)/.exec(output) ?? []
      resolve(user === undefined ? undefined : `${user} ${database}`)
    })
  })
}
