import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { type Listening, openListening } from '../../support/listening.ts'
import { ADMIN_KEY } from '../../support/service.ts'

// How the management API reads flags that are sent over a socket, byte by byte.

let it: Listening
let path: string
before(async () => {
  it = await openListening()
  path = (await it.environment('wire')).path
})
after(() => it.close())

/** Sends JSON text unchanged. */
async function send(method: string, target: string, text?: string) {
  const response = await fetch(`${it.address}${target}`, {
    method,
    headers: {
      authorization: `Bearer ${ADMIN_KEY}`,
      'flagd-selector': 'flagSetId=wire/test',
      ...(text !== undefined && { 'content-type': 'application/json' }),
    },
    ...(text !== undefined && { body: text }),
  })
  const body: any = await response.json().catch(() => undefined)
  return { status: response.status, body }
}

test('an unsafe integer is refused with the digits that were sent', async () => {
  const text = '{"state":"ENABLED","variants":{"on":9007199254740993},"defaultVariant":"on"}'
  const put = await send('PUT', `${path}/flags/number`, text)
  assert.equal(put.status, 400)
  assert.deepEqual(put.body.errors, [
    { pointer: '/variants/on', detail: 'Number 9007199254740993 cannot be kept exactly' },
  ])
  const safe = await send('PUT', `${path}/flags/number`, text.replace('993', '991'))
  assert.deepEqual([safe.status, safe.body.variants], [200, { on: 9007199254740991 }])
})

test('a lone surrogate in a value is refused', async () => {
  const text = '{"state":"ENABLED","variants":{"on":"\\ud800"},"defaultVariant":"on"}'
  const { status, body } = await send('PUT', `${path}/flags/text`, text)
  assert.deepEqual([status, body.errors[0].pointer], [400, '/variants/on'])
})

test('a context number outside the range of doubles is 400, over OFREP and over RPC', async () => {
  await send('PUT', `${path}/flags/on`, '{"state":"ENABLED","variants":{"on":true},"defaultVariant":"on"}')
  for (const [number, status] of [
    ['1e308', 200],
    ['1e400', 400],
    ['[-1e400]', 400],
  ] as const) {
    const context = `"context":{"n":${number}}`
    const single = await send('POST', '/ofrep/v1/evaluate/flags/on', `{${context}}`)
    assert.equal(single.status, status, JSON.stringify(single.body))
    assert.equal((await send('POST', '/ofrep/v1/evaluate/flags', `{${context}}`)).status, status)
    const remote = await send('POST', '/flagd.evaluation.v1.Service/ResolveBoolean', `{"flagKey":"on",${context}}`)
    assert.equal(remote.status, status, JSON.stringify(remote.body))
    if (status === 400) assert.equal(remote.body.code, 'invalid_argument')
  }
})
