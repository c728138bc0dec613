import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import * as v1 from '../../src/grpc/gen/flagd/evaluation/v1/evaluation_pb.js'
import { Service } from '../../src/grpc/gen/schema/v1/schema_pb.js'
import { type Listening, openListening } from '../support/listening.ts'
import { RawH1 } from '../support/raw-h1.ts'

let it: Listening
let key = ''
let path = ''
before(async () => {
  it = await openListening()
  const place = await it.environment('php')
  key = place.clientKey
  path = place.path
  const flag = (value: unknown, more: object = {}) => ({
    state: 'ENABLED',
    variants: { a: value, b: value },
    defaultVariant: 'a',
    ...more,
  })
  const flags = {
    bool: flag(true, { targeting: { if: [{ '==': [{ var: 'mail' }, 'żółw@example.com'] }, 'b', null] } }),
    text: flag('a/b'),
    whole: flag(9_007_199_254_740_991),
    half: flag(0.5),
    object: flag({ list: [1, null], deep: { a: 'é' } }),
    disabled: flag(true, { state: 'DISABLED' }),
    bare: { state: 'ENABLED', variants: { a: true } },
    unparsable: flag(true, { targeting: { no_such_operator: [] } }),
    'no-variant': flag(true, { targeting: { if: [true, 'missing'] } }),
  }
  const answer = await it.service.call('PUT', `${path}/flagset?strict=false`, { body: { flags } })
  assert.equal(answer.status, 200, answer.text)
})
after(() => it.close())

/**
 * The provider's request (open-feature/php-sdk-contrib, providers/Flagd, src/http/HttpService.php), sent by Guzzle on curl: one header of
 * its own, and a body written by PHP's json_encode. The key is a default header of the client that the application passes in.
 */
function requestOf(method: string, body: string, more: readonly string[] = []): string {
  const lines = [
    `POST /schema.v1.Service/${method} HTTP/1.1`,
    'Host: localhost:8013',
    'User-Agent: GuzzleHttp/7',
    'content-type: application/json',
    `Authorization: Bearer ${key}`,
    ...more,
    `Content-Length: ${Buffer.byteLength(body)}`,
  ]
  // The socket writes UTF-8; Content-Length counts bytes, not characters.
  return `${lines.join('\r\n')}\r\n\r\n${body}`
}

async function answerTo(request: string): Promise<{ status: number; answer: any }> {
  const client = await RawH1.connect(it.server.port)
  const { status, body } = await client.send(Buffer.from(request).toString('latin1'))
  client.close()
  return { status, answer: JSON.parse(Buffer.from(body, 'latin1').toString()) }
}

const success = (value: unknown, variant = 'a', reason = 'STATIC') => ({ value, variant, reason, metadata: {} })
const failure = (code: string, message: string) => ({ code, message })
const CASES: readonly [method: string, body: string, status: number, answer: object][] = [
  ['ResolveBoolean', '{"flag_key":"bool","context":null}', 200, success(true, 'a', 'DEFAULT')],
  ['ResolveBoolean', '{"flag_key":"bool","context":{}}', 200, success(true, 'a', 'DEFAULT')],
  [
    'ResolveBoolean',
    '{"flag_key":"bool","context":{"mail":"żółw@example.com","page":"a\\/b","n":1.0,"targetingKey":"u1"}}',
    200,
    success(true, 'b', 'TARGETING_MATCH'),
  ],
  ['ResolveString', '{"flag_key":"text","context":{"list":[1,2],"at":{"timezone_type":3}}}', 200, success('a/b')],
  ['ResolveInt', '{"flag_key":"whole","context":null}', 200, success('9007199254740991')],
  ['ResolveFloat', '{"flag_key":"half","context":null}', 200, success(0.5)],
  ['ResolveObject', '{"flag_key":"object","context":{}}', 200, success({ list: [1, null], deep: { a: 'é' } })],
  ['ResolveBoolean', '{"flag_key":"disabled","context":null}', 200, success(false, '', 'DISABLED')],
  ['ResolveBoolean', '{"flag_key":"bare","context":null}', 404, failure('not_found', 'Flag not found')],
  ['ResolveBoolean', '{"flag_key":"none","context":null}', 404, failure('not_found', 'Flag not found')],
  ['ResolveString', '{"flag_key":"half","context":null}', 400, failure('invalid_argument', 'Type mismatch error')],
  [
    'ResolveBoolean',
    '{"flag_key":"unparsable","context":null}',
    500,
    failure('data_loss', 'Error parsing input or configuration'),
  ],
  ['ResolveBoolean', '{"flag_key":"no-variant","context":null}', 500, failure('unknown', 'General error')],
]
for (const [method, body, status, expected] of CASES)
  for (const [how, more] of [
    ['', []],
    [' with Connect-Protocol-Version', ['Connect-Protocol-Version: 1']],
  ] as const)
    test(`PHP's request ${method} ${body}${how} is answered with ${status}`, async () => {
      assert.deepEqual(await answerTo(requestOf(method, body, more)), { status, answer: expected })
    })

test('schema.v1 over gRPC behaves like flagd.evaluation.v1, streams included', async () => {
  const client = it.client({ key })
  for (const flagKey of ['bool', 'disabled', 'none']) {
    const one = await client.call(Service, 'resolveBoolean', { flagKey })
    assert.deepEqual(one, await client.call(v1.Service, 'resolveBoolean', { flagKey }))
  }
  const { message } = await client.call(Service, 'resolveAll', {})
  assert.equal(message?.flags['text']?.value.value, 'a/b')
  const stream = client.open(Service, 'eventStream', {})
  assert.equal((await stream.next()).type, 'provider_ready')
  await it.service.call('PUT', `${path}/flags/text`, { body: { state: 'ENABLED', variants: { a: 'c' } } })
  assert.deepEqual((await stream.next()).data, { flags: { text: { type: 'update' } } })
  stream.cancel()
})
