import assert from 'node:assert/strict'
import { once } from 'node:events'
import { mkdtempSync, rmSync } from 'node:fs'
import { connect, createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, describe, test } from 'node:test'
import { makeCertificates } from '../support/certificates.ts'
import { startAtFreePort } from '../support/daemon.ts'
import { type Events, readEvents } from '../support/events.ts'
import { RUNTIME, type Running } from '../support/process.ts'
import { HAS_REDIS, startRedis } from '../support/redis.ts'
import { evaluate, FLAG_SET, type Replicas, request, startReplicas } from '../support/replicas.ts'

/** So long that within a test a replica learns of a change only by an invalidation. */
const FRESHNESS_MS = '60000'

describe('a Redis that speaks TLS', { skip: HAS_REDIS ? false : 'there is no redis-server on this machine' }, () => {
  const open: Events[] = []
  let folder: string
  let trusted: { NODE_EXTRA_CA_CERTS: string }
  let tlsPort: number
  let proxy: { port: number; close(): Promise<void> }
  let replicas: Replicas
  before(async () => {
    folder = mkdtempSync(join(tmpdir(), 'flagstaff-rediss-'))
    const { authority, certificate, key } = makeCertificates(folder, 'localhost')
    trusted = { NODE_EXTRA_CA_CERTS: authority }
    const redis = await startAtFreePort((port) => {
      tlsPort = port
      const tls = ['--tls-port', String(port), '--tls-cert-file', certificate, '--tls-key-file', key]
      return startRedis([...tls, '--tls-auth-clients', 'no'])
    })
    proxy = await startNameProxy('localhost', tlsPort)
    replicas = await startReplicas([RUNTIME], { FRESHNESS_MS }, redis)
  })
  after(async () => {
    await Promise.all(open.map((events) => events.cancel()))
    await replicas.close()
    await proxy.close()
    rmSync(folder, { recursive: true, force: true })
  })

  let isOn = true
  /** Toggles the flag at a replica, by default at one that reaches the same Redis without TLS, and returns the new value. */
  const change = async (at = replicas.members[0]): Promise<boolean> => {
    isOn = !isOn
    const patch = { method: 'PATCH', path: `${FLAG_SET}/flags/a`, body: { defaultVariant: isOn ? 'on' : 'off' } }
    const { status } = await request(at?.address ?? '', replicas.adminKey, patch)
    assert.equal(status, 200)
    return isOn
  }
  const listen = async ({ address }: Running): Promise<Events> => {
    const headers = { authorization: `Bearer ${replicas.adminKey}`, 'last-event-id': '0' }
    const { body } = await fetch(`${address}/ofrep/v1/sse/flagSetId=p%2Fe`, { headers })
    const events = readEvents(body)
    open.push(events)
    return events
  }
  /** Without Postgres it has only the data in Redis, or nothing. */
  const startCold = (env: Record<string, string>) => {
    const gone = new URL(replicas.store.url)
    gone.host = '127.0.0.1:1'
    return replicas.add(RUNTIME, { ...env, DATABASE_URL: gone.href })
  }
  const failure = (sentence: string, code: string) => new RegExp(`"${sentence}".*"code":"${code}"`)

  for (const [way, port] of [
    ['directly', () => tlsPort],
    ['through a proxy that selects by server name', () => proxy.port],
  ] as const)
    test(`delivers copies and invalidations to clients that trust its certificate, ${way}`, async () => {
      const env = { ...trusted, REDIS_URL: `rediss://localhost:${port()}` }
      const member = await replicas.add(RUNTIME, env)
      const events = await listen(member)
      const id = Number((await events.next('data'))?.['id'])
      const first = await change()
      assert.equal((await events.next('data'))?.['id'], String(id + 1))
      assert.equal(await evaluate(member.address, replicas.adminKey), first)
      const second = await change(member)
      const cold = await startCold(env)
      assert.equal(await evaluate(cold.address, replicas.adminKey), second)
      assert.doesNotMatch(member.output(), /A Redis command failed|The subscription to invalidations failed/)
    })

  for (const [certificate, host, env, code] of [
    ['of an unknown authority', 'localhost', () => ({}), 'UNABLE_TO_VERIFY_LEAF_SIGNATURE'],
    ['of another host', '127.0.0.1', () => trusted, 'ERR_TLS_CERT_ALTNAME_INVALID'],
  ] as const)
    test(`is refused with a certificate ${certificate}: Postgres is used, and the log has the reason`, async () => {
      const variables = { ...env(), REDIS_URL: `rediss://${host}:${tlsPort}` }
      const value = await change()
      const member = await replicas.add(RUNTIME, variables)
      assert.equal(await evaluate(member.address, replicas.adminKey), value)
      await member.says(failure('A Redis command failed', code))
      await (await listen(member)).next('data')
      await member.says(failure('The subscription to invalidations failed', code))
      const cold = await startCold(variables)
      assert.equal(await evaluate(cold.address, replicas.adminKey), 503)
    })
})

/** A proxy that selects one of many servers: it reads the server name from the TLS handshake, and closes a connection without one. */
async function startNameProxy(name: string, port: number): Promise<{ port: number; close(): Promise<void> }> {
  const server = createServer((client) => {
    client.on('error', () => client.destroy())
    client.once('data', (hello) => {
      if (!hello.includes(name)) return client.destroy()
      const upstream = connect(port, '127.0.0.1')
      upstream.on('error', () => client.destroy())
      upstream.write(hello)
      return client.pipe(upstream).pipe(client)
    })
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const address = server.address()
  const close = async () => {
    server.close()
    await once(server, 'close')
  }
  return { port: typeof address === 'object' && address ? address.port : 0, close }
}
