import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { Service as Evaluation } from '../../src/grpc/gen/flagd/evaluation/v2/evaluation_pb.js'
import { type Listening, openListening } from '../support/listening.ts'
import { ADMIN_KEY } from '../support/service.ts'

// Prototype pollution (CWE-1321): members that JavaScript treats specially are data, from every entrance.

const NAMES = ['__proto__', 'constructor', 'prototype', 'toString', 'hasOwnProperty', 'valueOf', '__defineGetter__']
const PROTOTYPES = { Object, Array, String, Number, Boolean, Function, Map, Set, RegExp, Date, Promise }
const shape = () =>
  Object.entries(PROTOTYPES).map(([name, { prototype }]) => [name, Reflect.ownKeys(prototype).map(String).sort()])

let it: Listening
let intact: ReturnType<typeof shape>
before(async () => {
  it = await openListening()
  await it.environment('shop')
  await send('PUT', `${TEST}/flags/on`, FLAG)
  await send('GET', '/metrics') // loads what is loaded with its first use
  intact = shape()
})
after(() => it.close())

const TEST = '/api/v1/projects/shop/environments/test'
const FLAG = '{"state":"ENABLED","variants":{"on":true,"off":false},"defaultVariant":"on"}'
/** As text: an object literal would set the prototype. */
const HOSTILE = `{${NAMES.map((name) => `${JSON.stringify(name)}:{"polluted":true,"prototype":{"polluted":true}}`).join()}}`

async function send(method: string, path: string, body?: string, headers: Record<string, string> = {}) {
  const response = await fetch(`${it.address}${path}`, {
    method,
    headers: {
      authorization: `Bearer ${ADMIN_KEY}`,
      'content-type': 'application/json',
      ...(!path.startsWith('/api') && { 'flagd-selector': 'flagSetId=shop/test' }),
      ...headers,
    },
    ...(body !== undefined && { body }),
  })
  const isStream = response.headers.get('content-type')?.includes('event-stream')
  if (isStream) await response.body?.cancel()
  const text = isStream ? '' : await response.text()
  assert.ok(response.status < 500, `${method} ${path}: ${response.status} ${text}`)
  return { status: response.status, text }
}

test('no body, query or header of any route changes a prototype', async () => {
  const { paths } = (await it.service.call('GET', '/openapi.json')).body as { paths: Record<string, object> }
  const query = NAMES.flatMap((name) => [`${name}[polluted]=true`, `${name}.polluted=true`, `${name}=true`]).join('&')
  const headers = Object.fromEntries(NAMES.map((name) => [name, 'polluted']))
  const flags = `{"flags":{"a":${FLAG.slice(0, -1)},"metadata":${HOSTILE}},"b":${HOSTILE}},"$evaluators":${HOSTILE},"metadata":${HOSTILE}}`
  for (const [path, item] of Object.entries(paths))
    for (const method of Object.keys(item)
      .map((name) => name.toUpperCase())
      .filter((name) => name !== 'DELETE'))
      for (const body of method === 'GET' ? [undefined] : [HOSTILE, flags, `[${HOSTILE}]`, `{"metadata":${HOSTILE}}`]) {
        const at = path
          .replace('{project}', 'shop')
          .replace('{environment}', 'test')
          .replace(/\{\w+\}/, 'on')
        await send(method, `${at}?${query}`, body, headers)
      }
  for (const path of [
    '/ofrep/v1/evaluate/flags',
    '/ofrep/v1/evaluate/flags/on',
    '/flagd.evaluation.v2.Service/ResolveBoolean',
  ])
    await send('POST', path, `{"context":${HOSTILE},"flagKey":"on",${HOSTILE.slice(1)}`, headers)
  for (const name of NAMES)
    for (const selector of [`flagSetId=${name}/${name}`, `${name}=${name}`, name])
      await send('POST', '/ofrep/v1/evaluate/flags', '{}', { 'flagd-selector': selector })
  await send('POST', '/console/session', HOSTILE)
  assert.deepEqual(shape(), intact)
  assert.equal(({} as { polluted?: boolean }).polluted, undefined)
})

test('a name that every object has is no flag, variant or attribute until it is made', async () => {
  for (const name of NAMES) {
    const { status, text } = await send('POST', `/ofrep/v1/evaluate/flags/${name}`, '{}')
    assert.equal(status, 404, `${name}: ${text}`)
    assert.match(text, /FLAG_NOT_FOUND/)
    const call = await it
      .client({ key: ADMIN_KEY, metadata: { 'flagd-selector': 'flagSetId=shop/test' } })
      .call(Evaluation, 'resolveBoolean', { flagKey: name })
    assert.equal(call.status, 5, name)
  }
  const targeting = {
    if: [{ '!!': [{ var: '__proto__.constructor' }] }, 'on', { if: [{ var: 'toString' }, 'on', 'off'] }],
  }
  const ruled = JSON.stringify({ ...JSON.parse(FLAG), targeting })
  assert.equal((await send('PUT', `${TEST}/flags/ruled`, ruled)).status, 200)
  assert.match((await send('POST', '/ofrep/v1/evaluate/flags/ruled', '{"context":{}}')).text, /"variant":"off"/)
  for (const name of NAMES) {
    const definition = FLAG.replace(
      '"defaultVariant":"on"',
      `"defaultVariant":"on","targeting":${JSON.stringify(name)}`,
    )
    await send('PUT', `${TEST}/flags/odd?strict=false`, definition)
    const { text } = await send('POST', '/ofrep/v1/evaluate/flags/odd', '{}')
    assert.doesNotMatch(text, /native code|function/)
  }
})
