import assert from 'node:assert/strict'
import { after, before, beforeEach, test } from 'node:test'
import { sql } from 'drizzle-orm'
import { openService, type Service } from '../../support/service.ts'

const MIB = 1024 * 1024
const flag = { state: 'ENABLED', variants: { on: true, off: false }, defaultVariant: 'off' }
const list = (bytes: number) => ['x'.repeat(bytes)]

let service: Service
let made = 0
let environment = ''
before(async () => {
  service = await openService()
})
after(() => service.close())
beforeEach(async () => {
  made += 1
  environment = `/api/v1/projects/p${made}/environments/test`
  await service.call('POST', '/api/v1/projects', { body: { key: `p${made}` } })
  await service.call('POST', `/api/v1/projects/p${made}/environments`, { body: { key: 'test' } })
})

const send = (method: string, path: string, body?: unknown) => service.call(method, `${environment}${path}`, { body })
const revision = async () => (await send('GET', '')).body.revision

test('a new name of a segment that many rules have does not multiply the flag set beyond the limit', async () => {
  const targeting = { if: [{ or: Array.from({ length: 1_000 }, () => ({ $ref: 's' })) }, 'on', 'off'] }
  const flags = Object.fromEntries(Array.from({ length: 70 }, (_, index) => [`f${index}`, { ...flag, targeting }]))
  assert.equal((await send('PUT', '/flagset', { flags, $evaluators: { s: ['ada'] } })).status, 200)
  const revisionBefore = await revision()
  for (const query of ['?dryRun=true', '']) {
    const { status, body } = await send('POST', `/segments/s/rename${query}`, { to: 'n'.repeat(256) })
    assert.deepEqual([status, body.code], [413, 'too_large'])
    const [, stored, next] =
      /flag set "p\d+\/test" has (\d+) bytes and would have (\d+), more than 16777216$/.exec(body.detail) ?? []
    const envelope = (await send('GET', '/flagset?portable=false')).text.length - Number(stored)
    assert.ok(envelope > 0 && envelope < 100, `the names of the members have ${envelope} bytes`)
    assert.equal(Number(next) - Number(stored), 255 * 70_001, 'in 70,000 references and the name')
  }
  assert.equal(await revision(), revisionBefore)
  assert.equal((await send('POST', '/segments/s/rename', { to: 'staff' })).status, 200)
})

test('a flag set does not grow beyond the limit by flags, segments or metadata', async () => {
  assert.equal((await send('PUT', '/segments/a', { rule: list(15 * MIB) })).status, 200)
  const large = 'x'.repeat(2 * MIB)
  const refused = [
    await send('PUT', '/segments/b', { rule: list(2 * MIB) }),
    await send('PUT', '/flags/a', { ...flag, metadata: { large } }),
    await send('PUT', '/flagset', { flags: {}, $evaluators: { b: list(2 * MIB) } }),
    await send('PUT', '/flagset', { flags: {}, metadata: { large } }),
    await send('PATCH', '', { metadata: { large } }),
  ]
  assert.deepEqual(
    refused.map(({ status }) => status),
    [413, 413, 413, 413, 413],
  )
  assert.equal((await send('PUT', '/flags/a', flag)).status, 200)
})

test('a flag set that exceeds the limit may become smaller, not larger', async () => {
  for (const key of ['a', 'b']) await send('PUT', `/flags/${key}`, { ...flag, metadata: { note: 'a note' } })
  await service.store.database.write((tx) =>
    tx.execute(
      sql`update flagstaff.environments set segments = json_build_object('a', json_build_array(repeat('x', ${17 * MIB}::int)))`,
    ),
  )
  assert.equal((await send('PATCH', '/flags/a', { metadata: { note: 'a longer note' } })).status, 413)
  assert.equal((await send('PATCH', '/flags/a', { metadata: { note: 'note' } })).status, 200)
  assert.equal((await send('DELETE', '/flags/b')).status, 204)
  assert.equal((await send('DELETE', '/segments/a')).status, 204)
  assert.equal((await send('PATCH', '/flags/a', { metadata: { note: 'a longer note' } })).status, 200)
})

test('a flag is restored only where no flag set becomes larger than the limit', async () => {
  const project = `/api/v1/projects/p${made}`
  const archive = (archived: boolean) => service.call('PATCH', `${project}/flags/a`, { body: { archived } })
  await service.call('POST', `${project}/environments`, { body: { key: 'another' } })
  await service.call('PUT', `${project}/environments/another/flags/a`, { body: flag })
  await send('PUT', '/flags/a', { ...flag, metadata: { large: 'x'.repeat(2 * MIB) } })
  assert.equal((await archive(true)).status, 200)
  await send('PUT', '/segments/s', { rule: list(15 * MIB) })
  const before = await revision()
  const { status, body } = await archive(false)
  assert.deepEqual([status, body.code], [413, 'too_large'])
  const [, stored, next] =
    /flag set "p\d+\/test" has (\d+) bytes and would have (\d+), more than 16777216$/.exec(body.detail) ?? []
  const size = JSON.stringify({ a: { ...flag, metadata: { large: 'x'.repeat(2 * MIB) } } }).length - 1
  assert.equal(Number(next) - Number(stored), size, 'without braces, with a comma')
  assert.equal(await revision(), before)
  assert.equal((await send('DELETE', '/segments/s')).status, 204)
  assert.equal((await archive(false)).status, 200)
  assert.deepEqual((await service.call('GET', `${project}/environments/another/flags/a`)).status, 200)
})
