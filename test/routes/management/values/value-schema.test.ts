import assert from 'node:assert/strict'
import { after, before, beforeEach, test } from 'node:test'
import { openService, type Service } from '../../../support/service.ts'

let service: Service
let made = 0
let project: string
let environment: string
before(async () => {
  service = await openService()
})
after(() => service.close())
const call: Service['call'] = (...given) => service.call(...given)
const SCHEMA = { type: 'object', required: ['title'], properties: { title: { type: 'string', maxLength: 5 } } }
const banner = (value: object) => ({ state: 'ENABLED', variants: { on: value }, defaultVariant: 'on' })
const putFlag = (value: object, query = '') =>
  call('PUT', `${environment}/flags/banner${query}`, { body: banner(value) })
const pointersOf = ({ body }: { body: any }) => body.errors.map(({ pointer }: { pointer: string }) => pointer)
beforeEach(async () => {
  made += 1
  project = `/api/v1/projects/values-${made}`
  environment = `${project}/environments/test`
  await call('POST', '/api/v1/projects', { body: { key: `values-${made}` } })
  await call('POST', `${project}/environments`, { body: { key: 'test' } })
})

test('a flag is created with a JSON Schema, and keeps names such as "constructor" in it', async () => {
  const valueSchema = { properties: { constructor: { type: 'string' } } }
  const created = await call('POST', `${project}/flags`, { body: { key: 'banner', type: 'object', valueSchema } })
  assert.equal(created.status, 201, created.text)
  assert.deepEqual((await call('GET', `${project}/flags/banner`)).body.valueSchema, valueSchema)
  assert.equal((await putFlag({ constructor: 1 })).status, 400)
  assert.equal((await putFlag({ constructor: 'x' })).status, 200)
})

test('variants are checked with each save: PUT, PATCH and the file of a flag set', async () => {
  await call('POST', `${project}/flags`, { body: { key: 'banner', type: 'object', valueSchema: SCHEMA } })
  assert.equal((await putFlag({ title: 'Sale' })).status, 200)
  const put = await putFlag({ title: 'Long title' })
  assert.equal(put.status, 400)
  assert.deepEqual(pointersOf(put), ['/variants/on/title'])
  const patched = await call('PATCH', `${environment}/flags/banner`, { body: { variants: { on: { title: null } } } })
  assert.equal(patched.status, 400)
  assert.deepEqual(pointersOf(patched), ['/variants/on'])
  const file = { flags: { banner: banner({ title: 1 }) } }
  const applied = await call('PUT', `${environment}/flagset`, { body: file })
  assert.equal(applied.status, 400)
  assert.deepEqual(pointersOf(applied), ['/flags/banner/variants/on/title'])
  const loose = await call('PUT', `${environment}/flagset?strict=false`, { body: file })
  assert.equal(loose.status, 200)
  assert.equal(loose.body.warnings[0].pointer, '/flags/banner/variants/on/title')
})

test('a schema that stored values do not match is refused with their environment, and any other is kept', async () => {
  await putFlag({ title: 'Long title' })
  const refused = await call('PATCH', `${project}/flags/banner`, { body: { valueSchema: SCHEMA } })
  assert.equal(refused.status, 400)
  assert.deepEqual(pointersOf(refused), ['/test/variants/on/title'])
  assert.equal((await call('GET', `${project}/flags/banner`)).body.valueSchema, null)
  await putFlag({ title: 'Sale' })
  assert.equal((await call('PATCH', `${project}/flags/banner`, { body: { valueSchema: SCHEMA } })).status, 200)
  assert.equal((await putFlag({ title: 'Long title' })).status, 400)
})

test('null removes the schema; the change record has it before and after', async () => {
  await call('POST', `${project}/flags`, { body: { key: 'banner', type: 'object', valueSchema: SCHEMA } })
  assert.equal((await call('PATCH', `${project}/flags/banner`, { body: { valueSchema: null } })).status, 200)
  assert.equal((await putFlag({})).status, 200)
  const { body } = await call('GET', `/api/v1/changes?project=values-${made}&flag=banner`)
  const update = body.items.find(({ action }: { action: string }) => action === 'update')
  assert.deepEqual(update.before.valueSchema, SCHEMA)
  assert.equal(Object.hasOwn(update.after, 'valueSchema'), false)
})

for (const [valueSchema, pointer] of [
  [{ pattern: '(a+)+$' }, '/valueSchema/pattern'],
  ['text', '/valueSchema'],
  [true, '/valueSchema'],
  [{ minimum: 2 ** 53 }, '/valueSchema/minimum'],
] as const)
  test(`the schema ${JSON.stringify(valueSchema)} is refused`, async () => {
    const body = { key: 'banner', type: 'object', valueSchema }
    const { status, text } = await call('POST', `${project}/flags`, { body })
    assert.equal(status, 400, text)
    assert.ok(text.includes(pointer), text)
  })
