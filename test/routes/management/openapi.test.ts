import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { openService, type Service } from '../../support/service.ts'

let service: Service
before(async () => {
  service = await openService()
})
after(() => service.close())
const get = (path: string) => service.call('GET', path, { key: null })

test('the API is described as OpenAPI 3.1, with schemas for requests and responses', async () => {
  const { body } = await get('/openapi.json')
  assert.equal(body.openapi, '3.1.0')
  const put = body.paths['/api/v1/projects/{project}/environments/{environment}/flagset'].put
  assert.deepEqual(put.parameters.map((parameter: { name: string }) => parameter.name).toSorted(), [
    'comment',
    'dryRun',
    'environment',
    'project',
    'prune',
    'strict',
  ])
  assert.ok(put.requestBody.content['application/json'].schema.properties.flags)
  const post = body.paths['/api/v1/keys'].post
  assert.deepEqual(post.requestBody.content['application/json'].schema.properties.role.enum, [
    'client',
    'server',
    'viewer',
    'editor',
    'admin',
  ])
  assert.ok(post.responses['201'].content['application/json'].schema.properties.secret)
})

test('the page that shows the API loads no resources and runs no scripts', async () => {
  const { status, text, headers } = await get('/docs')
  assert.equal(status, 200)
  assert.match(headers.get('content-security-policy') ?? '', /default-src 'none'/)
  assert.ok(text.includes('/api/v1/projects/{project}/flags'))
  assert.ok(!/<script|src=|https?:\/\//.test(text))
})
