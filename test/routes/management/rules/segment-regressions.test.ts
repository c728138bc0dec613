import assert from 'node:assert/strict'
import { after, before, beforeEach, test } from 'node:test'
import { differenceOf } from '../../../../src/flag/flag-set.ts'
import { openService, type Service } from '../../../support/service.ts'

let service: Service
let made = 0
let environment: string
before(async () => {
  service = await openService()
})
after(() => service.close())
const call: Service['call'] = (...given) => service.call(...given)
const flag = (name: string) => ({
  state: 'ENABLED',
  variants: { on: true, off: false },
  defaultVariant: 'off',
  targeting: { if: [{ $ref: name }, 'on', null] },
})
const rule = { '==': [{ var: 'role' }, 'staff'] }
const other = { '==': [{ var: 'role' }, 'admin'] }
const put = (path: string, body: object, key?: string) =>
  call('PUT', `${environment}/${path}`, key === undefined ? { body } : { body, key })
beforeEach(async () => {
  made += 1
  environment = `/api/v1/projects/segments-${made}/environments/test`
  await call('POST', '/api/v1/projects', { body: { key: `segments-${made}` } })
  await call('POST', `/api/v1/projects/segments-${made}/environments`, { body: { key: 'test' } })
  await put('segments/staff', { rule })
  await put('segments/crew', { rule: { '!': [{ $ref: 'staff' }] } })
  await put('flags/a', flag('staff'))
  await put('flags/b', flag('crew'))
})

test('G1 flipt#4183: a segment in use is not deleted', async () => {
  const { status, body } = await call('DELETE', `${environment}/segments/staff`)
  assert.deepEqual([status, body.code], [409, 'in_use'])
  assert.equal((await call('GET', `${environment}/segments/staff`)).status, 200)
})

test('G2 flipt#2403: the refusal counts the users', async () => {
  const { body } = await call('DELETE', `${environment}/segments/staff`)
  assert.equal(body.usedBy.count, 3)
  assert.match(body.detail, /in use by 3 rules/)
})

test('G3 flipt#6115: a segment shows which flags use it, directly and through others', async () => {
  const { body } = await call('GET', `${environment}/segments/staff`)
  assert.deepEqual(body.usedBy.flags, [
    { key: 'a', path: [] },
    { key: 'b', path: ['crew'] },
  ])
})

test('G4 FeatureProbe#66: the refusal says where the segment is in use', async () => {
  const { body } = await call('DELETE', `${environment}/segments/crew`)
  assert.deepEqual(body.usedBy, { count: 1, flags: [{ key: 'b', path: [] }], segments: [] })
})

test('G6 flagsmith#163: a change of a segment is a change of the flags that reach it', async () => {
  const earlier = await service.snapshots.newest(`segments-${made}/test`)
  const { body } = await put('segments/staff', { rule: other })
  const later = await service.snapshots.newest(`segments-${made}/test`)
  assert.deepEqual(body.affects, ['a', 'b'])
  assert.deepEqual([...differenceOf(earlier.flagSet, later.flagSet).keys()], ['a', 'b'])
})

test('G7 flagsmith#6833, #6727: an update has one record, an update, of that segment alone', async () => {
  await put('segments/staff', { rule: other })
  const { body } = await call('GET', `/api/v1/changes?project=segments-${made}&segment=staff`)
  const records = body.items.map(({ action, before, after }: Record<string, unknown>) => ({ action, before, after }))
  assert.deepEqual(records, [
    { action: 'update', before: rule, after: other },
    { action: 'create', before: null, after: rule },
  ])
})

test('G8 flagsmith#2653: a viewer reads segments and changes none', async () => {
  const bound = { project: `segments-${made}`, environment: 'test' }
  const { body } = await call('POST', '/api/v1/keys', { body: { name: 'v', role: 'viewer', environment: bound } })
  const list = await call('GET', `${environment}/segments?usedBy=true`, { key: body.secret })
  assert.deepEqual(
    list.body.items.map(({ name }: { name: string }) => name),
    ['crew', 'staff'],
  )
  assert.equal((await put('segments/staff', { rule: other }, body.secret)).status, 403)
})
