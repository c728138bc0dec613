import assert from 'node:assert/strict'
import { once } from 'node:events'
import { type AddressInfo, createServer } from 'node:net'
import { after, before, describe, test } from 'node:test'
import { ErrorReply } from '@redis/client'
import { RespClient } from '../../src/store/resp-client.ts'
import { HAS_REDIS, type RedisServer, startRedis } from '../support/redis.ts'

const PASSWORD = 'p@ss/word'
const open = (url: string, onEnd: () => void = () => undefined) => new RespClient(url, { connectMs: 500, onEnd })

describe('RespClient', { skip: HAS_REDIS ? false : 'there is no redis-server on this machine' }, () => {
  let server: RedisServer
  before(async () => {
    server = await startRedis()
    const first = open(server.url)
    await first.ready
    await first.send(['CONFIG', 'SET', 'requirepass', PASSWORD])
    await first.send(['ACL', 'SETUSER', 'ada', 'on', `>${PASSWORD}`, '~*', '+@all'])
    first.destroy()
  })
  after(() => server.kill())
  const urlOf = (user: string, database = '') =>
    `redis://${user}:${encodeURIComponent(PASSWORD)}@127.0.0.1:${server.port}${database}`

  for (const [who, user] of [
    ['a password', ''],
    ['a user and a password', 'ada'],
  ] as const)
    test(`greets with ${who}, and selects the database that its address names`, async () => {
      const [zero, two] = [open(urlOf(user)), open(urlOf(user, '/2'))]
      await Promise.all([zero.ready, two.ready])
      await two.send(['SET', 'key', 'ä\r\n'])
      assert.deepEqual([await two.send(['GET', 'key']), await zero.send(['GET', 'key'])], ['ä\r\n', null])
      zero.destroy()
      two.destroy()
    })

  test('sends and reads what is larger than any buffer of a socket, in order', async () => {
    const client = open(urlOf(''))
    await client.ready
    const large = Array.from({ length: 1_000_000 }, (_, n) => `ä${n}`).join(' ')
    const written = ['one', 'two', 'three'].map((key) => client.send(['SET', key, `${key} ${large}`]))
    assert.deepEqual(await Promise.all(written), ['OK', 'OK', 'OK'])
    const read = await Promise.all(['three', 'one', 'two'].map((key) => client.send(['GET', key])))
    assert.ok(read.every((value, n) => value === `${['three', 'one', 'two'][n]} ${large}`))
    client.destroy()
  })

  test('is never ready with a wrong password', async () => {
    const ended = Promise.withResolvers<void>()
    const client = open(`redis://:wrong@127.0.0.1:${server.port}`, () => ended.resolve())
    await assert.rejects(client.ready, /WRONGPASS/)
    await ended.promise
    await assert.rejects(client.send(['PING']), /ended/)
  })

  test('tells a refusal of one command from the end of the connection, after which no command hangs', async () => {
    const client = open(urlOf(''))
    await client.ready
    const refusal = await client.send(['NO', 'SUCH']).catch((error: unknown) => error)
    assert.ok(refusal instanceof ErrorReply)
    const waiting = client.send(['BLPOP', 'nothing', '0'])
    client.destroy()
    const end = await waiting.catch((error: unknown) => error)
    assert.ok(end instanceof Error && !(end instanceof ErrorReply))
  })
})

test('RespClient ends at what is no reply', async () => {
  const foreign = createServer((socket) => socket.on('error', () => undefined).end('HTTP/1.1 400 Bad Request\r\n\r\n'))
  foreign.listen(0, '127.0.0.1')
  await once(foreign, 'listening')
  const client = open(`redis://127.0.0.1:${(foreign.address() as AddressInfo).port}`)
  await client.ready.then(
    () => assert.rejects(client.send(['PING']), /Cannot read|ended/),
    (error: unknown) => assert.match(String(error), /Cannot read|ended/),
  )
  foreign.close()
})

test('RespClient gives up a server that does not answer', async () => {
  const silent = createServer(() => undefined)
  silent.listen(0, '127.0.0.1')
  await once(silent, 'listening')
  const url = `redis://:secret@127.0.0.1:${(silent.address() as AddressInfo).port}`
  await assert.rejects(new RespClient(url, { connectMs: 50, onEnd: () => undefined }).ready, /No connection in 50 ms/)
  silent.close()
})
