import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import * as v1 from '../../src/grpc/gen/flagd/evaluation/v1/evaluation_pb.js'
import * as v2 from '../../src/grpc/gen/flagd/evaluation/v2/evaluation_pb.js'
import { FlagSyncService } from '../../src/grpc/gen/flagd/sync/v1/sync_pb.js'
import { ServerReflection } from '../../src/grpc/gen/grpc/reflection/v1/reflection_pb.js'
import * as legacy from '../../src/grpc/gen/schema/v1/schema_pb.js'
import { consoleFolder } from '../support/console-folder.ts'
import { readEvents } from '../support/events.ts'
import { frame, H2Client } from '../support/h2.ts'
import { type Listening, openListening } from '../support/listening.ts'

// A client key may be public: it reads the values of its environment, and nothing of how they come about (CWE-200, CWE-639).

/** What no response to a client key may contain, by where it stands. */
const PLANTED = {
  attribute: 'planted_attribute',
  listed: 'planted-listed-user@example.com',
  segment: 'planted_segment',
  unserved: 'planted-unserved-value',
  description: 'planted-description',
  owner: 'planted-owner',
  tag: 'planted-tag',
  comment: 'planted-comment',
  keyName: 'planted-key-name',
  project: 'planted-project-text',
  otherEnvironment: 'planted-other-environment',
  otherProject: 'planted-other-project',
  invalidRule: 'planted_invalid_rule',
}
const TEST = '/api/v1/projects/shop/environments/test'

const built = consoleFolder()
let it: Listening
let clientKey = ''
before(async () => {
  it = await openListening({ dependencies: { console: { publicPath: '', folder: built.folder } } })
  ;({ clientKey } = await it.environment('shop'))
  const call = it.service.call
  const flag = { state: 'ENABLED', variants: { on: 'served', off: PLANTED.unserved }, defaultVariant: 'on' }
  const clause = { in: [{ var: PLANTED.attribute }, [PLANTED.listed]] }
  const ruled = { ...flag, targeting: { if: [{ and: [clause, { $ref: PLANTED.segment }] }, 'off', 'on'] } }
  const broken = { ...flag, targeting: { [PLANTED.invalidRule]: [PLANTED.attribute] } }
  const flags = { plain: flag, ruled, broken, asleep: { ...flag, state: 'DISABLED' } }
  const body = { flags, $evaluators: { [PLANTED.segment]: clause } }
  const put = await call('PUT', `${TEST}/flagset?strict=false&comment=${PLANTED.comment}`, { body })
  assert.equal(put.status, 200, put.text)
  const { description, owner, tag } = PLANTED
  await call('PATCH', '/api/v1/projects/shop/flags/plain', { body: { description, owner, tags: [tag] } })
  await call('PATCH', '/api/v1/projects/shop', { body: { description: PLANTED.project } })
  await call('POST', '/api/v1/keys', { body: { name: PLANTED.keyName, role: 'admin' } })
  await call('POST', '/api/v1/projects/shop/environments', { body: { key: PLANTED.otherEnvironment } })
  await it.environment(PLANTED.otherProject)
})
after(async () => {
  await it.close()
  built.remove()
})

/** Everything that a response says, headers included. */
async function textOf(response: Response): Promise<string> {
  const isStream = response.headers.get('content-type')?.includes('event-stream')
  if (isStream) await response.body?.cancel()
  return `${response.status} ${JSON.stringify([...response.headers])} ${isStream ? '' : await response.text()}`
}

const get = (path: string, method = 'GET', body?: object, headers: Record<string, string> = {}) =>
  fetch(`${it.address}${path}`, {
    method,
    headers: { 'x-api-key': clientKey, 'content-type': 'application/json', ...headers },
    ...(body && { body: JSON.stringify(body) }),
  })

function assertSaysNothing(text: string, where: string, sent = ''): void {
  for (const [what, planted] of Object.entries(PLANTED))
    assert.ok(!text.replaceAll(sent || '\0', '').includes(planted), `${where} shows the ${what}: ${text}`)
}

test('the texts that must not be shown are shown to an administrator', async () => {
  const call = (path: string) => it.service.call('GET', path)
  const pages = [
    `${TEST}/flagset`,
    '/api/v1/projects/shop/flags',
    '/api/v1/keys',
    '/api/v1/changes',
    '/api/v1/projects',
  ]
  const texts = [...(await Promise.all(pages.map(call))), await call('/api/v1/projects/shop/environments')]
  for (const planted of Object.values(PLANTED))
    assert.ok(
      texts.some(({ text }) => text.includes(planted)),
      planted,
    )
})

test('over OFREP a client key reads values only, single and bulk, with any selector, in errors as well', async () => {
  const contexts = [{}, { [PLANTED.attribute]: 'x' }, { [PLANTED.attribute]: 1 }, { targetingKey: '' }]
  for (const path of ['', '/plain', '/ruled', '/broken', '/asleep', '/none', '/%00', '/a/b'])
    for (const context of contexts)
      for (const selector of ['', 'flagSetId=shop/test', 'source=x', 'flagSetId=a/b', 'x=y'])
        for (const method of ['POST', 'GET', 'OPTIONS']) {
          const body = method === 'POST' ? { context } : undefined
          const answer = await textOf(
            await get(`/ofrep/v1/evaluate/flags${path}`, method, body, { 'flagd-selector': selector }),
          )
          assertSaysNothing(answer, `${method} ${path} ${selector}`)
        }
  const served = await textOf(await get('/ofrep/v1/evaluate/flags/plain', 'POST', {}))
  assert.match(served, /"value":"served"/)
})

test('a selector of another environment says the same whether it exists or not', async () => {
  const of = async (flagSetId: string) => {
    const response = await get('/ofrep/v1/evaluate/flags', 'POST', {}, { 'flagd-selector': `flagSetId=${flagSetId}` })
    return (await response.text()).replaceAll(flagSetId, 'X').replaceAll(encodeURIComponent(flagSetId), 'X')
  }
  const [exists, other, none] = [
    await of(`shop/${PLANTED.otherEnvironment}`),
    await of(`${PLANTED.otherProject}/test`),
    await of('no/where'),
  ]
  assert.deepEqual([other, exists], [none, none])
})

test('no operation of the management API, of sync, of the console and no probe shows a client key more than its refusal', async () => {
  const { paths } = (await it.service.call('GET', '/openapi.json')).body as { paths: Record<string, object> }
  let operations = 0
  for (const [path, item] of Object.entries(paths))
    for (const method of Object.keys(item).map((name) => name.toUpperCase())) {
      const at = path
        .replace('{project}', 'shop')
        .replace('{environment}', 'test')
        .replace(/\{\w+\}/, 'plain')
      const response = await get(at, method, method === 'GET' ? undefined : {})
      assert.equal(response.status, 403, `${method} ${path}`)
      assertSaysNothing(await textOf(response), `${method} ${path}`)
      operations += 1
    }
  assert.ok(operations > 35)
  for (const path of [
    '/v1/flags',
    '/v1/flags/flagSetId%3Dshop%2Ftest',
    '/console/session',
    '/api/v1/projects/shop/events',
  ])
    assert.match(await textOf(await get(path)), /^40[13] /, path)
  const headers = { 'x-flagstaff-console': '1', 'sec-fetch-site': 'same-origin' }
  const signIn = await get('/console/session', 'POST', { key: clientKey }, headers)
  assert.deepEqual([signIn.status, signIn.headers.get('set-cookie')], [403, null])
  for (const path of ['/livez', '/readyz', '/startupz', '/', '/nowhere', '/openapi.json', '/docs', '/console/'])
    assertSaysNothing(await textOf(await get(path)), path)
})

test('its event streams name revisions and nothing else', async () => {
  const bulk = await (await get('/ofrep/v1/evaluate/flags', 'POST', {})).json()
  const [{ endpoint }] = (bulk as { eventStreams: [{ endpoint: { requestUri: string } }] }).eventStreams
  const { body } = await fetch(it.address + endpoint.requestUri)
  const events = readEvents(body)
  await events.next('retry')
  await it.service.call('PATCH', `${TEST}/flags/plain`, { body: { metadata: { at: 1 } } })
  const event = await events.next('data')
  assert.deepEqual(Object.keys(JSON.parse(event?.['data'] ?? '{}')).sort(), ['etag', 'lastModified', 'type'])
  assertSaysNothing(JSON.stringify(event), 'the event stream')
  await events.cancel()
  for (const other of [`shop/${PLANTED.otherEnvironment}`, `${PLANTED.otherProject}/test`]) {
    const uri = endpoint.requestUri.replace(encodeURIComponent('shop/test'), encodeURIComponent(other))
    assert.notEqual(uri, endpoint.requestUri)
    const response = await fetch(it.address + uri)
    assert.equal(response.status, 401)
    assertSaysNothing(await textOf(response), uri)
  }
})

test('over gRPC, Connect and gRPC-Web each method shows values, or refuses', async () => {
  const services = [v1.Service, v2.Service, legacy.Service, FlagSyncService]
  for (const { typeName, methods } of services)
    for (const { name } of methods) {
      const path = `/${typeName}/${name}`
      const isStream = name === 'EventStream' || name === 'SyncFlags'
      for (const flagKey of ['plain', 'ruled', 'broken', 'none']) {
        if (isStream) continue
        const text = await textOf(await get(path, 'POST', { flagKey, context: { [PLANTED.attribute]: 1 } }))
        assertSaysNothing(text, path)
        if (typeName.includes('sync')) assert.match(text, /^403 .*permission_denied/)
      }
      const client = new H2Client(`http://127.0.0.1:${it.grpcPort}`)
      const headers = { ':path': path, 'x-api-key': clientKey, 'grpc-timeout': '300m' }
      const { trailers, body, status } = await client.send(headers, [
        frame(Buffer.from([0x0a, 5, ...Buffer.from('plain')])),
      ])
      client.close()
      assertSaysNothing(`${JSON.stringify(trailers)} ${body}`, path)
      if (typeName.includes('sync')) assert.equal(status, 7, path)
    }
  const client = new H2Client(`http://127.0.0.1:${it.grpcPort}`)
  const path = `/${ServerReflection.typeName}/ServerReflectionInfo`
  const { body } = await client.send({ ':path': path }, [frame(Buffer.from([0x3a, 0]))])
  client.close()
  assertSaysNothing(body.toString(), path)
})
