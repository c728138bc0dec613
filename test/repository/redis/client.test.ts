import assert from 'node:assert/strict'
import { once } from 'node:events'
import { type AddressInfo, createServer, type Socket } from 'node:net'
import { after, before, describe, test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { parseRedisUrl } from '../../../src/config/redis.ts'
import { connectOnDemand } from '../../../src/repository/redis/client.ts'
import { startProxy, type TcpProxy } from '../../support/proxy.ts'
import { HAS_REDIS, type RedisServer, startRedis } from '../../support/redis.ts'

const PASSWORD = 'p@ss/w:rd%'
const COMMAND_MS = 800
const open = (url: string) => connectOnDemand(parseRedisUrl(url), COMMAND_MS)

describe('a connection to Redis', { skip: HAS_REDIS ? false : 'there is no redis-server on this machine' }, () => {
  let server: RedisServer
  let proxy: TcpProxy
  before(async () => {
    server = await startRedis()
    const { send, reset } = open(server.url)
    await send(['ACL', 'SETUSER', 'ada', 'on', `>${PASSWORD}`, '~*', '+@all'])
    await send(['ACL', 'SETUSER', 'few', 'on', `>${PASSWORD}`, '~*', '+get'])
    await send(['ACL', 'SETUSER', 'bob', 'on', 'nopass', '~*', '+@all'])
    await send(['CONFIG', 'SET', 'requirepass', PASSWORD])
    reset()
    proxy = await startProxy({ host: '127.0.0.1', port: server.port })
  })
  after(async () => {
    await proxy.close()
    await server.kill()
  })
  const urlOf = (user: string, rest = '', port = server.port) =>
    `redis://${user}:${encodeURIComponent(PASSWORD)}@127.0.0.1:${port}${rest}`

  for (const [who, user] of [
    ['a password', ''],
    ['a user and a password', 'ada'],
  ] as const)
    test(`authenticates with ${who}, and selects the database of its URL`, async () => {
      const [zero, two, same] = [open(urlOf(user)), open(urlOf(user, '/2')), open(urlOf(user, '?db=2'))]
      await two.send(['SET', 'key', 'ä\r\n'])
      const read = [two, zero, same].map(({ send }) => send(['GET', 'key']))
      assert.deepEqual(await Promise.all(read), ['ä\r\n', null, 'ä\r\n'])
      for (const { reset } of [zero, two, same]) reset()
    })

  test('works for a user without a password', async () => {
    const { send, reset } = open(`redis://bob@127.0.0.1:${server.port}`)
    assert.equal(await send(['ACL', 'WHOAMI']), 'bob')
    reset()
  })

  test('works for a user with few permissions', async () => {
    const { send, reset } = open(urlOf('few'))
    assert.equal(await send(['GET', 'none']), null)
    await assert.rejects(send(['SET', 'a', 'b']), /NOPERM/)
    reset()
  })

  test('sends and reads values larger than any socket buffer, in order', async () => {
    const { send, reset } = connectOnDemand(parseRedisUrl(urlOf('')), 20_000)
    const large = Array.from({ length: 1_000_000 }, (_, n) => `ä${n}`).join(' ')
    const written = ['one', 'two', 'three'].map((key) => send(['SET', key, `${key} ${large}`]))
    assert.deepEqual(await Promise.all(written), ['OK', 'OK', 'OK'])
    const read = await Promise.all(['three', 'one', 'two'].map((key) => send(['GET', key])))
    assert.ok(read.every((value, n) => value === `${['three', 'one', 'two'][n]} ${large}`))
    reset()
  })

  test('fails at once with a wrong password, reports why, and is not retried at once', async () => {
    const { send } = open(`redis://ada:wrong@127.0.0.1:${server.port}`)
    const error: unknown = await send(['PING']).catch((reason: unknown) => reason)
    assert.match(error instanceof Error ? String(error.cause) : '', /WRONGPASS/)
    await assert.rejects(send(['PING']), /a moment ago/)
  })

  test('stays open when one command is refused; after a reset, no command hangs', async () => {
    const before = proxy.connections()
    const { send, reset } = open(urlOf('', '', proxy.port))
    await assert.rejects(send(['NO', 'SUCH']), /unknown command/)
    const waiting = send(['BLPOP', 'nothing', '0'])
    await sleep(20)
    reset()
    await assert.rejects(waiting)
    assert.equal(await send(['PING']), 'PONG')
    assert.equal(proxy.connections() - before, 2)
    reset()
  })

  test('is opened by the first command, silent without commands, and reopened by the next', async () => {
    const before = proxy.connections()
    const { send, reset } = open(urlOf('', '', proxy.port))
    await sleep(50)
    assert.equal(proxy.connections(), before)
    const watch = open(server.url.replace('//', `//:${encodeURIComponent(PASSWORD)}@`))
    const commands = async () =>
      Number(/total_commands_processed:(\d+)/.exec(String(await watch.send(['INFO', 'stats'])))?.[1])
    assert.equal(await send(['PING']), 'PONG')
    const first = await commands()
    await sleep(3_000)
    assert.equal((await commands()) - first, 1, 'one of them reads the number')
    proxy.set('refused')
    await sleep(300)
    const count = proxy.connections()
    await sleep(1_000)
    assert.equal(proxy.connections(), count, 'it does not come back by itself')
    proxy.set('open')
    assert.equal(await send(['PING']), 'PONG')
    reset()
    watch.reset()
  })

  test('is closed if the server stops responding, and reopened', async () => {
    const { send, reset } = open(urlOf('', '', proxy.port))
    assert.equal(await send(['PING']), 'PONG')
    proxy.set('hanging')
    const since = performance.now()
    const failed = await Promise.allSettled([send(['GET', 'a']), send(['GET', 'b'])])
    assert.deepEqual(
      failed.map(({ status }) => status),
      ['rejected', 'rejected'],
    )
    assert.ok(performance.now() - since < 4 * COMMAND_MS)
    proxy.set('open')
    assert.equal(await send(['PING']), 'PONG')
    reset()
  })
})

for (const [what, answer] of [
  ['uses another protocol', (socket: Socket) => socket.end('HTTP/1.1 400 Bad Request\r\n\r\n')],
  ['sends half a reply and disconnects', (socket: Socket) => socket.end('$100\r\nhalf')],
  ['never answers', () => undefined],
  ['disconnects at once', (socket: Socket) => socket.destroy()],
] as const)
  test(`a server that ${what} is an error in time`, async () => {
    const sockets = new Set<Socket>()
    const foreign = createServer((socket) => {
      sockets.add(socket)
      socket.on('error', () => undefined).once('data', () => answer(socket))
    })
    foreign.listen(0, '127.0.0.1')
    await once(foreign, 'listening')
    const { send, reset } = open(`redis://:secret@127.0.0.1:${(foreign.address() as AddressInfo).port}`)
    await assert.rejects(send(['PING']))
    reset()
    for (const socket of sockets) socket.destroy()
    foreign.close()
  })
