import assert from 'node:assert/strict'
import { connect } from 'node:net'
import { after, before, test } from 'node:test'
import { kill, RUNTIME, type Running, startService } from '../support/process.ts'
import { openStore, type Store } from '../support/store.ts'

const KEY = 'admin-key-for-tests-only-0123456789'
const ROUTES = [
  ['GET', '/livez'],
  ['GET', '/readyz'],
  ['GET', '/metrics'],
  ['GET', '/openapi.json'],
  ['GET', '/api/v1/projects'],
  ['GET', '/v1/flags'],
  ['POST', '/ofrep/v1/evaluate/flags/a'],
  ['POST', '/ofrep/v1/evaluate/flags'],
  ['POST', '/flagd.evaluation.v1.Service/ResolveBoolean'],
  ['OPTIONS', '/ofrep/v1/evaluate/flags'],
] as const
/** Request lines' version and the Host field, as checks of load balancers send them. Bun.serve has no option to accept HTTP/1.1 without a Host. */
const ANSWERED: Record<string, readonly [version: string, host: string]> = {
  'HTTP/1.0 without a Host': ['1.0', ''],
  ...(RUNTIME === 'node' && { 'HTTP/1.1 without a Host': ['1.1', ''] }),
  'an empty Host': ['1.1', 'Host:\r\n'],
  'an IPv6 literal': ['1.1', 'Host: [::1]:8080\r\n'],
}
const REFUSED: Record<string, string> = {
  ...(RUNTIME === 'bun' && { 'HTTP/1.1 without a Host': '' }),
  'two Hosts': 'Host: a\r\nHost: b\r\n',
  'a Host with a path': 'Host: a/ofrep/v1/evaluate/flags/a?\r\n',
  'a Host with a user': 'Host: a@b\r\n',
  'a broken literal': 'Host: [::\r\n',
  'a Host that ends in a number and is no address': 'Host: 1.2.3.4.5\r\n',
  'a Host with a letter that no host has': 'Host: (10.0.0.1\r\n',
}

let store: Store
let service: Running
before(async () => {
  store = await openStore()
  service = await startService({ DATABASE_URL: store.url, FLAGSTAFF_ADMIN_KEY: KEY })
})
after(async () => {
  await kill(service)
  await store.close()
})

for (const [name, [version, host]] of Object.entries(ANSWERED))
  test(`${name} is answered on every route, as with a Host`, async () => {
    for (const [method, path] of ROUTES)
      assert.equal(
        await statusOf(method, path, { version, host }),
        await statusOf(method, path, { version: '1.1', host: 'Host: flags.example\r\n' }),
        `${method} ${path}`,
      )
  })

for (const [name, host] of Object.entries(REFUSED))
  test(`${name} is 400 on every route`, async () => {
    for (const [method, path] of ROUTES)
      assert.equal(await statusOf(method, path, { version: '1.1', host }), 400, `${method} ${path}`)
  })

/** Status of one request on a separate connection, which the server closes. */
function statusOf(method: string, path: string, { version, host }: { version: string; host: string }): Promise<number> {
  const body = method === 'POST' ? '{}' : ''
  const type = method === 'POST' ? `Content-Type: application/json\r\nContent-Length: ${body.length}\r\n` : ''
  const { promise, resolve, reject } = Promise.withResolvers<number>()
  const socket = connect(Number(new URL(service.address).port), '127.0.0.1')
  let text = ''
  socket.on('data', (chunk) => {
    text += chunk
  })
  socket.on('error', reject)
  socket.on('close', () => resolve(Number(/^HTTP\/1\.1 (\d{3})/.exec(text)?.[1])))
  socket.write(
    `${method} ${path} HTTP/${version}\r\n${host}Connection: close\r\nAuthorization: Bearer ${KEY}\r\nFlagd-Selector: flagSetId=p/e\r\n${type}\r\n${body}`,
  )
  return promise
}
