import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { connect, createServer, type Socket } from 'node:net'
import { after, before, test } from 'node:test'
import { kill, type Running, startService } from '../support/process.ts'
import { request } from '../support/replicas.ts'
import { openStore, type Store } from '../support/store.ts'

const adminKey = randomBytes(24).toString('base64url')
/** The simple query `commit`, and the one that it becomes: message type, length with itself, text, zero byte. */
const COMMIT = query('commit')
const ROLLBACK = query('rollback')

let store: Store
let service: Running
let isRollingBack = false
const sockets = new Set<Socket>()
/** Hands COMMIT on as ROLLBACK, so that a real Postgres gives the answer that a pooler's broken transaction gets. */
const proxy = createServer((client) => {
  const server = connect(Number(new URL(store.url).port), '127.0.0.1')
  for (const socket of [client, server]) {
    sockets.add(socket)
    socket.on('error', () => socket.destroy()).on('close', () => [client, server].map((one) => one.destroy()))
  }
  server.on('data', (bytes) => client.write(bytes))
  client.on('data', (bytes) => {
    const at = isRollingBack ? bytes.indexOf(COMMIT) : -1
    server.write(
      at === -1 ? bytes : Buffer.concat([bytes.subarray(0, at), ROLLBACK, bytes.subarray(at + COMMIT.length)]),
    )
  })
})

before(async () => {
  store = await openStore()
  proxy.listen(0, '127.0.0.1')
  await once(proxy, 'listening')
  const url = new URL(store.url)
  url.port = String((proxy.address() as { port: number }).port)
  service = await startService({ DATABASE_URL: url.href, FLAGSTAFF_ADMIN_KEY: adminKey })
})
after(async () => {
  await kill(service)
  for (const socket of sockets) socket.destroy()
  proxy.close()
  await store.close()
})

const create = (key: string) =>
  request(service.address, adminKey, { method: 'POST', path: '/api/v1/projects', body: { key } })
const read = (key: string) => request(service.address, adminKey, { method: 'GET', path: `/api/v1/projects/${key}` })

test('a COMMIT that Postgres answers with ROLLBACK is never a success, whatever is written', async () => {
  assert.equal((await create('before')).status, 201)
  isRollingBack = true
  const answers = await Promise.all(Array.from({ length: 24 }, (_, n) => create(`lost-${n}`)))
  isRollingBack = false
  for (const { status, body } of answers) assert.equal(status, 503, JSON.stringify(body))
  for (let n = 0; n < 24; n++) assert.equal((await read(`lost-${n}`)).status, 404)
  assert.equal((await create('after')).status, 201)
  assert.equal((await read('after')).status, 200)
})

function query(text: string): Buffer {
  const bytes = Buffer.alloc(5 + text.length + 1)
  bytes.write('Q')
  bytes.writeInt32BE(4 + text.length + 1, 1)
  bytes.write(text, 5)
  return bytes
}
