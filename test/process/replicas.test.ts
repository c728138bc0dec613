import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { startService } from '../support/process.ts'
import { HAS_REDIS } from '../support/redis.ts'
import { evaluate, FLAG_SET, type Replicas, request, startReplicas } from '../support/replicas.ts'

/** The freshness interval, plus some time for three processes on a busy machine. */
const SOON_MS = 2_000

describe('three replicas', { skip: HAS_REDIS ? false : 'there is no redis-server on this machine' }, () => {
  let replicas: Replicas
  before(async () => {
    replicas = await startReplicas(['node', 'bun', 'bun'])
  })
  after(() => replicas.close())
  const address = (index: number) => replicas.members[index]?.address ?? ''
  const soon = async (wanted: unknown, ask: () => Promise<unknown>) => {
    const deadline = performance.now() + SOON_MS
    let seen = await ask()
    while (seen !== wanted && performance.now() < deadline) {
      await sleep(20)
      seen = await ask()
    }
    assert.equal(seen, wanted)
  }

  test('a write at one replica is visible at the others, in time', async () => {
    const { adminKey } = replicas
    for (const [turn, index] of [0, 1, 2, 0].entries()) {
      const variant = turn % 2 === 0 ? 'off' : 'on'
      const path = `${FLAG_SET}/flags/a`
      const answer = await request(address(index), adminKey, {
        method: 'PATCH',
        path,
        body: { defaultVariant: variant },
      })
      assert.equal(answer.status, 200)
      assert.equal(await evaluate(address(index), adminKey), variant === 'on', 'the writer reads its own write')
      for (const other of [0, 1, 2]) await soon(variant === 'on', () => evaluate(address(other), adminKey))
    }
  })

  test('a key works everywhere once it is created, and nowhere soon after it is revoked', async () => {
    const { adminKey } = replicas
    const body = { name: 'app', role: 'client', environment: { project: 'p', environment: 'e' } }
    const { body: key } = await request(address(0), adminKey, { method: 'POST', path: '/api/v1/keys', body })
    for (const index of [0, 1, 2])
      await soon(true, () => evaluate(address(index), key.secret).then((value) => typeof value === 'boolean'))
    await request(address(1), adminKey, { method: 'DELETE', path: `/api/v1/keys/${key.id}` })
    for (const index of [0, 1, 2]) await soon(401, () => evaluate(address(index), key.secret))
  })

  test('a replica that starts while Postgres is unreachable serves from the copy in Redis', async () => {
    const { store, redis, adminKey } = replicas
    const body = { name: 'app', role: 'server', environment: { project: 'p', environment: 'e' } }
    const { body: key } = await request(address(0), adminKey, { method: 'POST', path: '/api/v1/keys', body })
    const gone = new URL(store.url)
    gone.host = '127.0.0.1:1'
    for (const runtime of ['node', 'bun'] as const) {
      const cold = await startService({ DATABASE_URL: gone.href, REDIS_URL: redis.url }, { runtime })
      assert.equal(typeof (await evaluate(cold.address, key.secret)), 'boolean')
      cold.child.kill('SIGTERM')
      assert.equal((await cold.ended).code, 0)
    }
  })
})
