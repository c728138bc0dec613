import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import * as v1 from '../../../src/grpc/gen/flagd/evaluation/v1/evaluation_pb.js'
import * as v2 from '../../../src/grpc/gen/flagd/evaluation/v2/evaluation_pb.js'
import type { GrpcClient } from '../../support/grpc.ts'
import { type Listening, openListening } from '../../support/listening.ts'

const onOff = { on: true, off: false }
const FLAGS = {
  bool: { state: 'ENABLED', variants: onOff, defaultVariant: 'on', metadata: { owner: 'web' } },
  text: { state: 'ENABLED', variants: { a: 'A', 'b "c" & <d>': 'B' }, defaultVariant: 'b "c" & <d>' },
  number: { state: 'ENABLED', variants: { one: 1, half: 0.5 }, defaultVariant: 'one' },
  half: { state: 'ENABLED', variants: { half: 0.5 }, defaultVariant: 'half' },
  huge: { state: 'ENABLED', variants: { huge: 2 ** 53 - 1 }, defaultVariant: 'huge' },
  object: { state: 'ENABLED', variants: { o: { a: [1, null, { b: 'c' }] } }, defaultVariant: 'o' },
  disabled: { state: 'DISABLED', variants: onOff, defaultVariant: 'on', metadata: { why: 'tired' } },
  'no-default': { state: 'ENABLED', variants: onOff },
  targeted: {
    state: 'ENABLED',
    variants: onOff,
    defaultVariant: 'off',
    targeting: { if: [{ '==': [{ var: 'tier' }, 'gold'] }, 'on', { var: 'lost' }] },
  },
}

const plain = (_: string, value: unknown) => (typeof value === 'bigint' ? `${value}n` : value)

let it: Listening
let client: GrpcClient
let flagSetId = ''
let path = ''
let clientKey = ''
before(async () => {
  it = await openListening({ rpc: { contextValues: { region: 'eu' } } })
  ;({ flagSetId, path, clientKey } = await it.environment('rpc'))
  const body = { flags: FLAGS, metadata: { team: 'core' } }
  const answer = await it.service.call('PUT', `${path}/flagset`, { body })
  assert.equal(answer.status, 200, answer.text)
  client = it.client({ key: clientKey })
})
after(() => it.close())

const set = { team: 'core' }
const NOT_FOUND = [5, 'Flag not found']
const MISMATCH = [3, 'Type mismatch error']
const CASES: [method: string, flag: string, context: object, v1: unknown, v2: unknown][] = [
  ['Boolean', 'bool', {}, { value: true, variant: 'on', reason: 'STATIC', metadata: { ...set, owner: 'web' } }, 'same'],
  ['String', 'text', {}, { value: 'B', variant: 'b "c" & <d>', reason: 'STATIC', metadata: set }, 'same'],
  ['Float', 'number', {}, { value: 1, variant: 'one', reason: 'STATIC', metadata: set }, 'same'],
  ['Int', 'number', {}, { value: 1n, variant: 'one', reason: 'STATIC', metadata: set }, 'same'],
  ['Float', 'half', {}, { value: 0.5, variant: 'half', reason: 'STATIC', metadata: set }, 'same'],
  ['Float', 'huge', {}, { value: 2 ** 53 - 1, variant: 'huge', reason: 'STATIC', metadata: set }, 'same'],
  [
    'Object',
    'object',
    {},
    { value: { a: [1, null, { b: 'c' }] }, variant: 'o', reason: 'STATIC', metadata: set },
    'same',
  ],
  ['Boolean', 'targeted', {}, { value: false, variant: 'off', reason: 'DEFAULT', metadata: set }, 'same'],
  [
    'Boolean',
    'targeted',
    { tier: 'gold' },
    { value: true, variant: 'on', reason: 'TARGETING_MATCH', metadata: set },
    'same',
  ],
  ['Boolean', 'no-default', {}, NOT_FOUND, { reason: 'DEFAULT', metadata: set }],
  [
    'Boolean',
    'disabled',
    {},
    { value: false, variant: '', reason: 'DISABLED', metadata: { ...set, why: 'tired' } },
    { reason: 'DISABLED', metadata: { ...set, why: 'tired' } },
  ],
  [
    'Int',
    'disabled',
    {},
    { value: 0n, variant: '', reason: 'DISABLED', metadata: { ...set, why: 'tired' } },
    { reason: 'DISABLED', metadata: { ...set, why: 'tired' } },
  ],
  ['Boolean', 'unknown', {}, NOT_FOUND, 'same'],
  ['Boolean', '', {}, NOT_FOUND, 'same'],
  ['Boolean', '__proto__', {}, NOT_FOUND, 'same'],
  ['String', 'bool', {}, MISMATCH, 'same'],
  ['Int', 'half', {}, MISMATCH, 'same'],
  ['Int', 'huge', {}, { value: 2n ** 53n - 1n, variant: 'huge', reason: 'STATIC', metadata: set }, 'same'],
  ['Object', 'text', {}, MISMATCH, 'same'],
  ['Boolean', 'targeted', { lost: 'nowhere' }, [2, 'General error'], 'same'],
]

for (const [method, flagKey, context, first, second] of CASES)
  for (const version of ['v1', 'v2'] as const) {
    const expected: any = version === 'v2' && second !== 'same' ? second : first
    test(`${version} Resolve${method} of "${flagKey}" for ${JSON.stringify(context)} gives ${JSON.stringify(expected, plain)}`, async () => {
      const service: any = version === 'v1' ? v1.Service : v2.Service
      const { message, ...end }: any = await client.call(service, `resolve${method}`, { flagKey, context } as never)
      if (Array.isArray(expected)) return assert.deepEqual(end, { status: expected[0], details: expected[1] })
      const { $typeName, ...answer } = message
      assert.deepEqual(JSON.parse(JSON.stringify(answer, plain)), JSON.parse(JSON.stringify(expected, plain)))
    })
  }

test('a response repeats the selector of the request, and its own metadata wins', async () => {
  const asking = it.client({ key: clientKey, metadata: { 'flagd-selector': `flagSetId=${flagSetId}` } })
  const { message } = await asking.call(v2.Service, 'resolveBoolean', { flagKey: 'bool' })
  assert.deepEqual(message?.metadata, { flagSetId, team: 'core', owner: 'web' })
  const elsewhere = it.client({ key: clientKey, metadata: { 'flagd-selector': 'flagSetId=other/test' } })
  const out = await elsewhere.call(v2.Service, 'resolveBoolean', { flagKey: 'bool' })
  assert.equal(out.status, 5, 'a selector never widens the scope of a key')
  const wrong = it.client({ key: clientKey, metadata: { 'flagd-selector': 'x=y' } })
  assert.deepEqual(await wrong.call(v2.Service, 'resolveBoolean', { flagKey: 'bool' }), {
    status: 3,
    details: 'invalid selector: unknown key "x", valid keys: "flagSetId", "source"',
  })
})

test('a key is accepted as authorization, x-api-key or the first label of the authority, and a missing key is refused', async () => {
  const resolveWith = (options: Parameters<Listening['client']>[0]) =>
    it.client(options).call(v2.Service, 'resolveBoolean', { flagKey: 'bool' })
  assert.equal((await resolveWith({ key: clientKey })).status, 0)
  assert.equal((await resolveWith({ metadata: { 'x-api-key': clientKey } })).status, 0)
  for (const authorization of ['Basic YTpi', 'Bearer of-a-gateway'])
    assert.equal((await resolveWith({ metadata: { 'x-api-key': clientKey, authorization } })).status, 0, authorization)
  assert.equal((await resolveWith({ key: clientKey, metadata: { 'x-api-key': 'wrong' } })).status, 16)
  assert.equal((await resolveWith({ authority: `${clientKey}.flags.example` })).status, 0)
  assert.equal((await resolveWith({ authority: clientKey })).status, 0)
  assert.equal((await resolveWith({ authority: `${clientKey}x.flags.example` })).status, 16)
  assert.equal((await resolveWith({ authority: `flags.${clientKey}` })).status, 16)
  assert.equal((await resolveWith({ key: 'fs_client_wrong', authority: clientKey })).status, 16, 'a header comes first')
  assert.equal((await resolveWith({})).status, 16)
})

test('static context values override those of the caller', async () => {
  const targeting = { if: [{ '==': [{ var: 'region' }, 'eu'] }, 'on', 'off'] }
  const body = { state: 'ENABLED', variants: onOff, defaultVariant: 'off', targeting }
  await it.service.call('PUT', `${path}/flags/regional`, { body })
  const { message } = await client.call(v2.Service, 'resolveBoolean', {
    flagKey: 'regional',
    context: { region: 'us' },
  })
  assert.equal(message?.variant, 'on')
})

test('v1 ResolveAll omits flags without a value, and has zero values for disabled ones', async () => {
  const { message } = await client.call(v1.Service, 'resolveAll', { context: {} })
  const flags = message?.flags ?? {}
  assert.equal(flags['no-default'], undefined)
  assert.deepEqual(flags['disabled']?.value, { case: 'boolValue', value: false })
  assert.equal(flags['disabled']?.reason, 'DISABLED')
  assert.deepEqual(flags['object']?.value, { case: 'objectValue', value: FLAGS.object.variants.o })
  assert.deepEqual(flags['half']?.value, { case: 'doubleValue', value: 0.5 })
  assert.deepEqual(flags['bool']?.metadata, { ...set, owner: 'web' })
  assert.equal(flags['text']?.variant, 'b "c" & <d>')
})

test('v1 ResolveAll has a zero value for a flag that fails, and returns the others', async () => {
  const { message } = await client.call(v1.Service, 'resolveAll', { context: { lost: 'nowhere' } })
  assert.equal(message?.flags['targeted']?.reason, 'ERROR')
  assert.deepEqual(message?.flags['targeted']?.value, { case: 'boolValue', value: false })
  assert.equal(message?.flags['bool']?.reason, 'STATIC')
})

test('names of object members in a context are only data', async () => {
  const context = JSON.parse('{"__proto__":{"tier":"gold"},"constructor":{"prototype":{"tier":"gold"}}}')
  const { message } = await client.call(v2.Service, 'resolveBoolean', { flagKey: 'targeted', context })
  assert.equal(message?.variant, 'off')
  assert.equal(({} as { tier?: string }).tier, undefined)
})

test('evaluations over RPC are counted', async () => {
  const { usage } = it.service
  await client.call(v2.Service, 'resolveBoolean', { flagKey: 'bool' })
  await usage.drain(AbortSignal.timeout(5_000))
  const { body } = await it.service.call('GET', `${path}/flags/bool/usage`)
  assert.ok(JSON.stringify(body).includes('STATIC'), JSON.stringify(body))
})
