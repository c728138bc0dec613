import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { openService, type Service } from '../../../support/service.ts'

let service: Service
before(async () => {
  service = await openService()
})
after(() => service.close())

test('attributes come from rules and segments of all environments, for a bound key from its own', async () => {
  const call: Service['call'] = (...given) => service.call(...given)
  await call('POST', '/api/v1/projects', { body: { key: 'shop' } })
  for (const key of ['live', 'test']) {
    await call('POST', '/api/v1/projects/shop/environments', { body: { key } })
    const targeting = { if: [{ '==': [{ var: `plan-${key}` }, 'pro'] }, 'on', null] }
    const flags = { a: { state: 'ENABLED', variants: { on: true }, targeting } }
    const $evaluators = { staff: { in: [{ var: 'id' }, [key, 7]] } }
    await call('PUT', `/api/v1/projects/shop/environments/${key}/flagset`, { body: { flags, $evaluators } })
  }
  const used = async (key?: string) => {
    const { body } = await call('GET', '/api/v1/projects/shop/attributes', key === undefined ? {} : { key })
    const items = body.items.filter(({ uses }: { uses: number }) => uses > 0)
    return Object.fromEntries(items.map(({ name, values }: { name: string; values: unknown[] }) => [name, values]))
  }
  assert.deepEqual(await used(), { id: ['live', 7, 'test'], 'plan-live': ['pro'], 'plan-test': ['pro'] })
  const environment = { project: 'shop', environment: 'live' }
  const { body: viewer } = await call('POST', '/api/v1/keys', { body: { name: 'v', role: 'viewer', environment } })
  assert.deepEqual(await used(viewer.secret), { id: ['live', 7], 'plan-live': ['pro'] })
  assert.equal((await call('GET', '/api/v1/projects/none/attributes')).status, 404)
})
