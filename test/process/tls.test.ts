import assert from 'node:assert/strict'
import { once } from 'node:events'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import http2 from 'node:http2'
import https from 'node:https'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { text } from 'node:stream/consumers'
import { after, test } from 'node:test'
import { makeCertificates } from '../support/certificates.ts'
import { kill, type Program, runProgram, startService } from '../support/process.ts'
import { openStore } from '../support/store.ts'

const folder = mkdtempSync(join(tmpdir(), 'flagstaff-tls-'))
const { authority, certificate, key } = makeCertificates(folder, 'localhost')
const ca = readFileSync(authority)
const programs: Program[] = []
const store = await openStore()
after(async () => {
  await Promise.all(programs.map(kill))
  await store.close()
  rmSync(folder, { recursive: true })
})

test('with TLS, ALPN selects HTTP/1.1 or HTTP/2, and SIGTERM still ends it in order', async () => {
  const env = { DATABASE_URL: store.url, TLS_CERT_FILE: certificate, TLS_KEY_FILE: key }
  const running = await startService(env)
  programs.push(running)
  const port = Number(new URL(running.address).port)
  const answer = await new Promise<string>((resolve, reject) => {
    const options = { host: 'localhost', port, path: '/livez', ca, ALPNProtocols: ['http/1.1'] }
    https.get(options, (response) => resolve(text(response))).on('error', reject)
  })
  assert.deepEqual(JSON.parse(answer), { status: 'live' })
  const session = http2.connect(`https://localhost:${running.grpcPort}`, { ca })
  await once(session, 'connect')
  assert.equal(session.alpnProtocol, 'h2')
  assert.deepEqual(JSON.parse(await text(session.request({ ':path': '/livez' }))), { status: 'live' })
  if (running.grpcPort === port) assert.ok(!('Bun' in globalThis), 'one port on Node')
  running.child.kill('SIGTERM')
  assert.equal((await running.ended).code, 0)
  session.destroy()
})

for (const [what, env, sentence] of [
  [
    'one of both files',
    { TLS_CERT_FILE: certificate },
    /^Cannot start: TLS_CERT_FILE and TLS_KEY_FILE: set both or neither\n$/,
  ],
  ['a missing file', { TLS_CERT_FILE: '/nowhere', TLS_KEY_FILE: key }, /^Cannot start: TLS_CERT_FILE: cannot read/],
  [
    'a file that is not a certificate',
    { TLS_CERT_FILE: 'BAD', TLS_KEY_FILE: key },
    /^Cannot start: TLS_CERT: expected certificates in PEM/,
  ],
  [
    'a broken certificate',
    { TLS_CERT_FILE: 'BROKEN', TLS_KEY_FILE: key },
    /^Cannot start: .*TLS_CERT_FILE and TLS_KEY_FILE cannot be used/,
  ],
] as const)
  test(`${what} is one clear line and an exit`, async () => {
    const bad = join(folder, 'bad.pem')
    const broken = join(folder, 'broken.pem')
    writeFileSync(bad, 'nothing of the kind')
    writeFileSync(broken, '-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n')
    const files = Object.fromEntries(
      Object.entries(env).map(([name, file]) => [name, file === 'BAD' ? bad : file === 'BROKEN' ? broken : file]),
    )
    const program = runProgram('src/main.ts', { PORT: '0', HOST: '127.0.0.1', DATABASE_URL: store.url, ...files })
    programs.push(program)
    assert.deepEqual(await program.ended, { code: 1, signal: null }, program.output())
    assert.match(program.output(), /^[^\n]+\n$/, 'one line')
    assert.match(program.output(), sentence)
  })
