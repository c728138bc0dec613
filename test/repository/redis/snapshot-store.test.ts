import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import { parseRedisUrl } from '../../../src/config/redis.ts'
import { openRedis, type RedisConnection } from '../../../src/repository/redis/client.ts'
import { type SnapshotStore, snapshotStoreIn } from '../../../src/repository/redis/snapshot-store.ts'
import { HAS_REDIS, type RedisServer, startRedis } from '../../support/redis.ts'
import { type Front, startUpstash } from '../../support/upstash.ts'

for (const transport of ['redis protocol', 'Upstash REST'] as const)
  describe(`over the ${transport}`, { skip: HAS_REDIS ? false : 'there is no redis-server on this machine' }, () => {
    let server: RedisServer
    let front: Front
    let connection: RedisConnection
    let copies: SnapshotStore
    let damaged: string[] = []
    before(async () => {
      server = await startRedis()
      front = await startUpstash(server.url)
      connection = openRedis(transport === 'Upstash REST' ? front : parseRedisUrl(server.url))
      copies = snapshotStoreIn(connection.send, (name) => damaged.push(name))
    })
    after(async () => {
      await connection.close()
      await front.close()
      await server.kill()
    })
    const copy = (revision: bigint, text: string, incarnation = 'one') => ({
      revisionId: { incarnation, revision },
      text,
    })

    test('a copy is returned as it was stored, small or large, with any characters', async () => {
      for (const text of ['{"a":"ünï \\u0000 \u{1f600}"}', JSON.stringify({ a: '🚩'.repeat(100_000) }), '7', '']) {
        await copies.write(`p/${text.length}`, copy(1n, text))
        assert.deepEqual(await copies.read(`p/${text.length}`), copy(1n, text))
      }
    })

    test('an older or equal revision does not replace a newer one, unless its incarnation differs', async () => {
      await copies.write('p/e', copy(5n, 'five'))
      await copies.write('p/e', copy(4n, 'four'))
      await copies.write('p/e', copy(5n, 'five again'))
      assert.equal((await copies.read('p/e'))?.text, 'five')
      await copies.write('p/e', copy(10n, 'ten'))
      assert.deepEqual(await copies.readRevision('p/e'), { incarnation: 'one', revision: 10n })
      await copies.write('p/e', copy(2n, 'restored', 'two'))
      assert.equal((await copies.read('p/e'))?.text, 'restored')
    })

    test('of many concurrent writers the newest revision wins', async () => {
      await Promise.all(
        Array.from({ length: 50 }, (_, index) => copies.write('p/race', copy(BigInt(index), `text ${index}`))),
      )
      assert.equal((await copies.read('p/race'))?.text, 'text 49')
    })

    test('a missing, foreign or damaged copy reads as none; damage is reported, and the next copy replaces it', async () => {
      assert.equal(await copies.read('p/none'), undefined)
      assert.equal(await copies.readRevision('p/none'), undefined)
      damaged = []
      await copies.write('p/bad', copy(3n, 'x'.repeat(5_000)))
      const key = 'flagstaff:{p/bad}:copy'
      const whole = String(await connection.send(['GET', key]))
      for (const value of [
        whole.slice(0, -10),
        whole.replace('gzip', 'plain'),
        `x${whole}`,
        '{"json":true}',
        '42',
        '',
        'flagstaff1',
        whole.replace(/\n.*/s, '\nAAAA'),
      ]) {
        await connection.send(['SET', key, value])
        assert.equal(await copies.read('p/bad'), undefined, value.slice(0, 80))
      }
      assert.equal(damaged.length, 8)
      await connection.send(['SET', 'flagstaff:{p/bad}:stamp', 'nonsense'])
      assert.equal(await copies.readRevision('p/bad'), undefined)
      await copies.write('p/bad', copy(3n, 'whole again'))
      assert.equal((await copies.read('p/bad'))?.text, 'whole again')
    })

    test('a copy without its stamp, or a stamp without its copy, is replaced', async () => {
      await copies.write('p/half', copy(3n, 'three'))
      await connection.send(['DEL', 'flagstaff:{p/half}:copy'])
      await copies.write('p/half', copy(3n, 'three'))
      assert.equal((await copies.read('p/half'))?.text, 'three')
    })

    test('concurrent commands each get their own reply', async () => {
      const { send } = connection
      const replies = [
        ['SET', 'a', 'x y'],
        ['GET', 'a'],
        ['GET', 'none'],
        ['STRLEN', 'a'],
      ].map(send)
      assert.deepEqual(await Promise.all(replies), ['OK', 'x y', null, 3])
      await assert.rejects(send(['INCR', 'a']), /not an integer/)
    })

    test('a command to a hung server fails in time, and works again when the server does', async () => {
      server.freeze()
      await assert.rejects(copies.readRevision('p/e'))
      server.thaw()
      assert.ok(await copies.readRevision('p/e'))
    })

    test('an absent server is an error at once, and its return is detected', async () => {
      await server.kill()
      await assert.rejects(copies.readRevision('p/e'))
      await server.start()
      const deadline = performance.now() + 10_000
      let isBack = false
      while (!isBack && performance.now() < deadline)
        isBack = await copies.write('p/e', copy(1n, 'back')).then(
          () => true,
          () => false,
        )
      assert.equal((await copies.read('p/e'))?.text, 'back')
    })
  })
