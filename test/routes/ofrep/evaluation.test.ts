import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { AppDependencies } from '../../../src/app.ts'
import { FlagError } from '../../../src/flag/error.ts'
import { type Document, ofrepOver, snapshotOf } from '../../support/ofrep.ts'

const SHOP: Document = {
  metadata: { owner: 'shop', level: 1 },
  $evaluators: { isStaff: { ends_with: [{ var: 'email' }, '@shop.example'] } },
  flags: {
    plain: { state: 'ENABLED', variants: { on: true, off: false }, defaultVariant: 'on', metadata: { level: 2 } },
    ruled: {
      state: 'ENABLED',
      variants: { staff: { seats: [1, 2] }, all: {} },
      defaultVariant: 'all',
      targeting: { if: [{ $ref: 'isStaff' }, 'staff', null] },
    },
    clock: {
      state: 'ENABLED',
      variants: { now: 1 },
      targeting: { if: [{ '==': [{ var: '$flagd.timestamp' }, 1_700_000_000] }, 'now'] },
    },
    nothing: { state: 'ENABLED', variants: { on: true }, defaultVariant: 'on', targeting: { var: 'variant' } },
    disabled: { state: 'DISABLED', variants: { on: true }, defaultVariant: 'on' },
    bare: { state: 'ENABLED', variants: { on: true } },
    broken: { state: 'ENABLED', variants: { on: true }, defaultVariant: 'on', targeting: { nope: ['secret'] } },
    'a/b': { state: 'ENABLED', variants: { on: 1 }, defaultVariant: 'on', metadata: { flagSetId: 'inner' } },
    'Zażółć .%2F;?#': { state: 'ENABLED', variants: { on: 2 }, defaultVariant: 'on', metadata: { source: 'a.json' } },
    __proto: { state: 'ENABLED', variants: { on: 3 }, defaultVariant: 'on' },
  },
}
const OTHER: Document = { flags: { plain: { state: 'ENABLED', variants: { theirs: 0 }, defaultVariant: 'theirs' } } }
const DOCUMENTS = { 'shop/live': SHOP, 'shop/test': OTHER, 'shop/empty': { flags: {} } }

const BULK = '/ofrep/v1/evaluate/flags'
type Ask = {
  key?: string | null
  body?: string | Uint8Array<ArrayBuffer> | ReadableStream
  headers?: Record<string, string>
  method?: string
}

async function send(
  path: string,
  { key = 'shop/live', body, headers, method = 'POST' }: Ask = {},
  dependencies?: Partial<AppDependencies>,
) {
  const app = ofrepOver(DOCUMENTS, dependencies)
  const response = await app.request(path, {
    method,
    headers: { ...(key !== null && { authorization: `Bearer ${key}` }), ...headers },
    ...(body !== undefined && { body, duplex: 'half' }),
  })
  const text = await response.text()
  const isJson = response.headers.get('content-type') === 'application/json'
  return { status: response.status, headers: response.headers, text, body: isJson ? JSON.parse(text) : undefined }
}
const one = (flag: string, options?: Ask, dependencies?: Partial<AppDependencies>) =>
  send(`${BULK}/${encodeURIComponent(flag)}`, options, dependencies)
const withContext = (context: unknown): Ask => ({ body: JSON.stringify({ context }) })
const SET = { owner: 'shop', level: 1 }

for (const [title, flag, options, status, body] of [
  [
    'a static flag',
    'plain',
    {},
    200,
    { key: 'plain', reason: 'STATIC', value: true, variant: 'on', metadata: { owner: 'shop', level: 2 } },
  ],
  [
    'a match',
    'ruled',
    withContext({ email: 'ann@shop.example' }),
    200,
    { key: 'ruled', reason: 'TARGETING_MATCH', value: { seats: [1, 2] }, variant: 'staff', metadata: SET },
  ],
  [
    'no match',
    'ruled',
    withContext({ email: 'ann@else.example' }),
    200,
    { key: 'ruled', reason: 'DEFAULT', value: {}, variant: 'all', metadata: SET },
  ],
  [
    'the time in unix seconds',
    'clock',
    {},
    200,
    { key: 'clock', reason: 'TARGETING_MATCH', value: 1, variant: 'now', metadata: SET },
  ],
  ['a disabled flag', 'disabled', {}, 200, { key: 'disabled', reason: 'DISABLED', metadata: SET }],
  ['a flag without a default variant', 'bare', {}, 200, { key: 'bare', reason: 'DEFAULT', metadata: SET }],
  [
    'an unknown flag',
    'nobody',
    {},
    404,
    { key: 'nobody', errorCode: 'FLAG_NOT_FOUND', errorDetails: 'flag `nobody` does not exist', metadata: SET },
  ],
  [
    'a flag that every object has',
    'constructor',
    {},
    404,
    {
      key: 'constructor',
      errorCode: 'FLAG_NOT_FOUND',
      errorDetails: 'flag `constructor` does not exist',
      metadata: SET,
    },
  ],
  [
    'a broken rule',
    'broken',
    {},
    400,
    { key: 'broken', errorCode: 'PARSE_ERROR', errorDetails: 'error parsing the flag `broken`', metadata: SET },
  ],
  [
    'a variant that does not exist',
    'nothing',
    withContext({ variant: 'x' }),
    400,
    { key: 'nothing', errorCode: 'GENERAL', errorDetails: 'error processing the flag for evaluation', metadata: SET },
  ],
] as const)
  test(`ofrep() answers ${title}`, async () => {
    const answer = await one(flag, options)
    assert.equal(answer.status, status)
    assert.equal(answer.text, JSON.stringify(body))
    assert.equal(answer.headers.get('content-type'), 'application/json')
    assert.equal(answer.headers.get('vary'), 'Flagd-Selector, Authorization, X-API-Key')
    assert.equal(answer.headers.get('cache-control'), 'private, no-cache')
  })

test('ofrep() accepts a key in X-API-Key', async () =>
  assert.equal((await one('plain', { key: null, headers: { 'x-api-key': 'shop/test' } })).body.variant, 'theirs'))

for (const [path, key] of [
  ['a%2Fb', 'a/b'],
  ['a%2fb', 'a/b'],
  [encodeURIComponent('Zażółć .%2F;?#'), 'Zażółć .%2F;?#'],
  ['Zażółć%20.%252F;%3F%23?query=1', 'Zażółć .%2F;?#'],
  ['pl%61in', 'plain'],
  ['__proto', '__proto'],
] as const)
  test(`ofrep() finds the flag ${key} at ${path}`, async () => {
    const { status, body } = await send(`${BULK}/${path}`)
    assert.equal(status, 200)
    assert.equal(body.key, key)
  })

for (const path of ['%', '%zz', 'a%2', '%ff', '%C3'])
  test(`ofrep() refuses the flag key ${path}`, async () => {
    const { status, body } = await send(`${BULK}/${path}`)
    assert.equal(status, 400)
    assert.deepEqual(body, {
      key: path,
      errorCode: 'GENERAL',
      errorDetails: 'invalid flag key: not percent-encoded UTF-8 without NUL',
    })
  })

test('ofrep() decodes a flag key once', async () => {
  assert.equal((await send(`${BULK}/a%252Fb`)).body.errorDetails, 'flag `a%2Fb` does not exist')
  assert.equal((await send(`${BULK}/%2e%2e%2fflags`)).body.key, '../flags')
  assert.equal((await send(`${BULK}/a/b`)).status, 404)
})

for (const [title, body] of [
  ['an empty body', ''],
  ['no context', '{}'],
  ['null', 'null'],
  ['a null context', '{"context":null}'],
  ['a context that is a list', '{"context":["a"]}'],
  ['a context that is text', '{"context":"a"}'],
  ['a context on the prototype', '{"__proto__":{"context":{"email":"ann@shop.example"}}}'],
  ['a context with odd names', '{"context":{"__proto__":{"email":"a@shop.example"},"constructor":{"prototype":1}}}'],
] as const)
  test(`ofrep() evaluates ${title} as an empty context`, async () => {
    assert.equal((await one('ruled', { body })).body.reason, 'DEFAULT')
    assert.ok(!('email' in {}))
  })

for (const [title, body] of [
  ['half an object', '{"context":{'],
  ['text after it', '{} {}'],
  ['blanks', '  '],
  ['a list', '[]'],
  ['a number', '1'],
  ['invalid UTF-8', new Uint8Array([0x7b, 0x22, 0xff, 0x22, 0x3a, 0x31, 0x7d])],
  ['a cut character', new Uint8Array([0x22, 0xc3])],
  ['a number beyond a double', '{"context":{"n":1e400}}'],
  ['such a number with capitals and sign, deep within', '{"context":{"a":[{"n":-1E+0309}]}}'],
  ['a number of many digits', `{"context":{"n":${'9'.repeat(400)}}}`],
  ['a number of many digits and a small exponent', `{"context":{"n":${'9'.repeat(250)}e99}}`],
] as const)
  test(`ofrep() refuses a body that is ${title}`, async () => {
    const error = { errorCode: 'INVALID_CONTEXT', errorDetails: 'Provider context is not valid' }
    const single = await one('a/b', { body })
    assert.equal(single.status, 400)
    assert.deepEqual(single.body, { key: 'a/b', ...error })
    const bulk = await send(BULK, { body })
    assert.equal(bulk.status, 400)
    assert.deepEqual(bulk.body, error)
  })

test('ofrep() accepts the largest and the smallest double, and text that looks like a number', async () => {
  for (const n of ['1.7976931348623157e308', '-1e308', '1e-400', '"1e400"', `"${'9'.repeat(400)}"`])
    assert.equal((await one('a/b', { body: `{"context":{"n":${n}}}` })).status, 200, n)
})

const exactly = (bytes: number) => `{"context":{}}${' '.repeat(bytes - 14)}`
const chunked = (text: string) => new Blob([text]).stream()
for (const [title, body, length, status] of [
  ['of just the limit', exactly(1_000), undefined, 200],
  ['over the limit', exactly(1_001), undefined, 413],
  ['of just the limit with its length', exactly(1_000), '1000', 200],
  ['that announces too much', exactly(100), '1001', 413],
  ['that announces less than it has', exactly(1_001), '10', 413],
  ['in pieces, of just the limit', chunked(exactly(1_000)), undefined, 200],
  ['in pieces, over the limit', chunked(exactly(100_000)), undefined, 413],
] as const)
  test(`ofrep() answers ${status} to a body ${title}`, async () => {
    const answer = await one('plain', { body, ...(length && { headers: { 'content-length': length } }) })
    assert.equal(answer.status, status)
    if (status === 413) assert.equal(answer.text, '{"errorDetails":"request body too large"}')
  })

test('ofrep() answers 401 before it reads the body', async () => {
  let isRead = false
  const pull = () => {
    isRead = true
  }
  const body = new ReadableStream({ pull }, { highWaterMark: 0 })
  const { status, headers, body: error } = await one('plain', { key: 'wrong', body })
  assert.equal(status, 401)
  assert.equal(headers.get('www-authenticate'), 'Bearer')
  assert.deepEqual(error, { key: 'plain', errorCode: 'GENERAL', errorDetails: 'The API key is not valid' })
  assert.equal(isRead, false)
})

test('ofrep() answers 403 and 503 with error codes of OFREP, and logs only the cause', async () => {
  const logged: unknown[] = []
  const log = (...line: unknown[]) => logged.push(line)
  const failing = (error: unknown) => ({ log, current: () => Promise.reject(error) })
  const forbidden = await one('plain', {}, failing(new FlagError('forbidden', 'No')))
  assert.equal(forbidden.status, 403)
  assert.deepEqual(forbidden.body, { key: 'plain', errorCode: 'GENERAL', errorDetails: 'No' })
  assert.deepEqual(logged, [])
  const cause = new Error('connection refused')
  const away = await send(
    BULK,
    { body: '{"context":{"a":"secret"}}' },
    failing(new FlagError('unavailable', 'Away', { cause })),
  )
  assert.equal(away.status, 503)
  assert.deepEqual(away.body, { errorCode: 'GENERAL', errorDetails: 'Away' })
  assert.match(away.headers.get('retry-after') ?? '', /^[1-9]\d*$/)
  assert.equal(away.headers.get('cache-control'), 'no-store')
  assert.deepEqual(logged, [['Refused an evaluation', { code: 'unavailable', cause }]])
})

test('ofrep() answers an unexpected error as 500 with the key, without its text', async () => {
  const logged: unknown[] = []
  const error = new Error('select * from secrets')
  const dependencies = {
    log: (...line: unknown[]) => logged.push(line),
    current: () => {
      throw error
    },
  }
  const { status, body } = await one('a/b', {}, dependencies)
  assert.equal(status, 500)
  assert.deepEqual(body, { key: 'a/b', errorCode: 'GENERAL', errorDetails: 'Internal error' })
  assert.deepEqual(logged, [['Unexpected error', { error, route: '/ofrep/v1/evaluate/flags/:key' }]])
})

test('ofrep() waits for a key and an environment that are not cached yet', async () => {
  const dependencies: Partial<AppDependencies> = {
    authenticate: () => Promise.resolve({ name: 'k', role: 'client', environment: { project: 'p', environment: 'e' } }),
    current: (id) => Promise.resolve(snapshotOf(id, OTHER)),
  }
  assert.equal((await one('plain', {}, dependencies)).body.variant, 'theirs')
})

test('ofrep() reads the snapshot once for each request', async () => {
  let taken = 0
  const current = (id: string) => {
    taken += 1
    return snapshotOf(id, SHOP)
  }
  await send(BULK, {}, { current })
  assert.equal(taken, 1)
})

for (const path of [BULK, `${BULK}/`])
  test(`ofrep() answers all flags at ${path}, failures among them`, async () => {
    const { status, headers, body, text } = await send(path, withContext({ email: 'ann@shop.example', variant: 'x' }))
    assert.equal(status, 200)
    assert.equal(headers.get('content-type'), 'application/json')
    assert.deepEqual(Object.keys(body), ['flags', 'metadata'])
    assert.deepEqual(body.metadata, SET)
    type Item = { key: string; variant?: string; errorCode?: string; reason?: string }
    const answers = body.flags.map(({ key, variant, errorCode, reason }: Item) => [key, variant ?? errorCode ?? reason])
    assert.deepEqual(answers, [
      ['plain', 'on'],
      ['ruled', 'staff'],
      ['clock', 'now'],
      ['nothing', 'GENERAL'],
      ['disabled', 'DISABLED'],
      ['bare', 'DEFAULT'],
      ['broken', 'PARSE_ERROR'],
      ['a/b', 'on'],
      ['Zażółć .%2F;?#', 'on'],
      ['__proto', 'on'],
    ])
    assert.match(headers.get('etag') ?? '', /^"[0-9a-f]{32}"$/)
    assert.doesNotMatch(text, /secret|targeting"|isStaff/)
  })

test('ofrep() answers each flag alone as it does among all', async () => {
  const { body } = await send(BULK)
  for (const item of body.flags) assert.deepEqual((await one(item.key)).body, item)
})

test('ofrep() answers 304 if the client has the current response', async () => {
  const first = await send(BULK)
  const etag = first.headers.get('etag') ?? ''
  for (const held of [etag, `"x", W/${etag}`, '*', etag.replaceAll('"', '')]) {
    const again = await send(BULK, { headers: { 'if-none-match': held } })
    assert.equal(again.status, 304)
    assert.equal(again.text, '')
    assert.equal(again.headers.get('etag'), etag)
    assert.equal(again.headers.get('content-type'), null)
    assert.equal(again.headers.get('content-length'), null)
    assert.match(again.headers.get('vary') ?? '', /^Flagd-Selector, Authorization, X-API-Key/)
  }
  const options = { headers: { 'if-none-match': etag } }
  assert.equal((await send(BULK, { ...options, ...withContext({ email: 'ann@shop.example' }) })).status, 200)
  assert.equal((await send(BULK, { ...options, key: 'shop/test' })).status, 200)
  assert.equal((await send(BULK, options, { now: () => 1 })).status, 200)
})

const keysOf = (answer: { body: { flags: { key: string }[] } }) => answer.body.flags.map(({ key }) => key)
const select = (selector: string, key?: string): Ask => ({
  headers: { 'flagd-selector': selector },
  ...(key !== undefined && { key }),
})

for (const [selector, count, metadata] of [
  ['flagSetId=shop/live', 10, { flagSetId: 'shop/live' }],
  ['flagSetId=inner', 1, { flagSetId: 'inner' }],
  ['flagSetId=', 9, {}],
  ['source=a.json', 1, { source: 'a.json' }],
  ['a.json', 1, { source: 'a.json' }],
  ['flagSetId=none', 0, { flagSetId: 'none' }],
  ['flagSetId=shop/test', 0, { flagSetId: 'shop/test' }],
  ['flagSetId=shop/nowhere', 0, { flagSetId: 'shop/nowhere' }],
] as const)
  test(`ofrep() narrows a bound key's environment to ${count} flags by ${selector}`, async () => {
    const bulk = await send(BULK, select(selector))
    assert.equal(bulk.status, 200)
    assert.equal(bulk.body.flags.length, count)
    assert.deepEqual(bulk.body.metadata, { ...SET, ...metadata })
    for (const key of ['plain', 'a/b', 'Zażółć .%2F;?#']) {
      const single = await one(key, select(selector))
      assert.equal(single.status, keysOf(bulk).includes(key) ? 200 : 404)
      for (const [name, value] of Object.entries(metadata))
        assert.equal(
          single.body.metadata[name],
          key === 'a/b' && name === 'flagSetId' && single.status === 200 ? 'inner' : value,
        )
    }
  })

test('ofrep() repeats the selector under the metadata of the flag', async () => {
  const { body } = await one('a/b', select('flagSetId=shop/live'))
  assert.deepEqual(body.metadata, { flagSetId: 'inner', ...SET })
  assert.deepEqual((await one('plain', select('flagSetId=shop/live'))).body.metadata, {
    flagSetId: 'shop/live',
    owner: 'shop',
    level: 2,
  })
})

test('ofrep() reveals nothing about other environments to a bound key, not even whether they exist', async () => {
  const answers = await Promise.all(['test', 'nowhere'].map((name) => one('plain', select(`flagSetId=shop/${name}`))))
  const [there, nowhere] = answers.map(({ status, text }) => ({ status, text: text.replaceAll(/test|nowhere/g, '') }))
  assert.equal(there?.status, 404)
  assert.deepEqual(there, nowhere)
})

for (const selector of ['x=1', 'flagSetId=a,source=b'])
  test(`ofrep() refuses the selector ${selector}`, async () => {
    const { status, body } = await one('plain', select(selector))
    assert.equal(status, 400)
    assert.equal(body.errorCode, 'GENERAL')
    assert.match(body.errorDetails, /^invalid selector: /)
    assert.equal((await send(BULK, select(selector))).status, 400)
  })

test('ofrep() uses the selected environment for an unbound caller, or the default', async () => {
  const dependencies = { trialFlagSetId: 'shop/test' }
  assert.equal((await one('plain', select('flagSetId=shop/live', 'admin'))).body.variant, 'on')
  assert.equal((await one('plain', select('flagSetId=shop/live', 'admin'), dependencies)).body.variant, 'on')
  assert.equal((await one('plain', { key: 'admin' }, dependencies)).body.variant, 'theirs')
  assert.equal((await send(BULK, select('flagSetId=', 'admin'), dependencies)).body.flags.length, 1)
  assert.equal((await send(BULK, select('source=a.json', 'admin'), dependencies)).body.flags.length, 0)
  assert.equal((await send(BULK, select('flagSetId=shop/live', 'admin'))).body.flags.length, 10)
})

test('ofrep() requires a selector from an unbound caller', async () => {
  for (const options of [
    { key: 'admin' },
    select('flagSetId=shop', 'admin'),
    select('shop/live', 'admin'),
    select('flagSetId=shop/live/x', 'admin'),
  ]) {
    const errorDetails = 'name an environment with "Flagd-Selector: flagSetId=<project>/<environment>"'
    const { status, body } = await one('plain', options)
    assert.equal(status, 400)
    assert.deepEqual(body, { key: 'plain', errorCode: 'GENERAL', errorDetails })
    assert.deepEqual((await send(BULK, options)).body, { errorCode: 'GENERAL', errorDetails })
  }
})

test('ofrep() answers 404 for an environment that does not exist', async () => {
  const options = select('flagSetId=shop/nowhere', 'admin')
  const errorDetails = 'Environment "shop/nowhere" does not exist'
  const single = await one('plain', options)
  assert.equal(single.status, 404)
  assert.deepEqual(single.body, { key: 'plain', errorCode: 'FLAG_NOT_FOUND', errorDetails })
  const bulk = await send(BULK, options)
  assert.equal(bulk.status, 404)
  assert.deepEqual(bulk.body, { errorCode: 'GENERAL', errorDetails })
})

for (const path of [BULK, `${BULK}/`, `${BULK}/plain`])
  for (const method of ['GET', 'PUT', 'PATCH', 'DELETE'])
    test(`ofrep() answers 405 to ${method} ${path}`, async () => {
      const { status, headers, body } = await send(path, { method })
      assert.equal(status, 405)
      assert.equal(headers.get('allow'), 'POST, OPTIONS')
      assert.equal(body.errorCode, 'GENERAL')
    })

const ORIGIN = 'https://app.example'
/** Headers that OpenFeature's providers and tracing libraries add to requests of a page. */
const REQUESTED = ['content-type', 'if-none-match', 'x-api-key', 'traceparent', 'tracestate', 'baggage', 'sentry-trace']
const PREFLIGHT: Ask = {
  method: 'OPTIONS',
  key: null,
  headers: {
    origin: ORIGIN,
    'access-control-request-method': 'POST',
    'access-control-request-headers': REQUESTED.join(),
  },
}

test('ofrep() answers a preflight without a key, and never allows credentials', async () => {
  for (const path of [BULK, `${BULK}/a%2Fb`]) {
    const { status, headers, text } = await send(path, PREFLIGHT)
    assert.equal(status, 204)
    assert.equal(text, '')
    assert.equal(headers.get('access-control-allow-origin'), '*')
    assert.equal(headers.get('access-control-allow-credentials'), null)
    assert.match(headers.get('access-control-allow-methods') ?? '', /POST/)
    assert.equal(headers.get('access-control-allow-headers'), REQUESTED.join())
  }
})

test('ofrep() exposes the headers that providers read, on errors as well', async () => {
  for (const options of [{ headers: { origin: ORIGIN } }, { headers: { origin: ORIGIN }, key: 'wrong' }]) {
    const { headers } = await send(BULK, options)
    assert.equal(headers.get('access-control-allow-origin'), '*')
    assert.equal(headers.get('access-control-expose-headers'), 'ETag,Retry-After,Last-Modified,traceresponse')
  }
})

test('ofrep() allows only pages of the configured origins', async () => {
  const allowed = (corsOrigins: string[], options: Ask) => send(BULK, options, { corsOrigins })
  const options = { headers: { origin: ORIGIN } }
  const ours = await allowed([ORIGIN, 'https://b.example'], options)
  assert.equal(ours.headers.get('access-control-allow-origin'), ORIGIN)
  assert.equal(ours.headers.get('vary'), 'Flagd-Selector, Authorization, X-API-Key, Origin')
  for (const origins of [['https://b.example'], ['https://app.example.evil'], []]) {
    assert.equal((await allowed(origins, options)).headers.get('access-control-allow-origin'), null)
    assert.equal((await allowed(origins, PREFLIGHT)).headers.get('access-control-allow-origin'), null)
  }
})

test('ofrep() matches a wildcard of an origin with one label', async () => {
  const corsOrigins = ['https://*.app.example', 'http://*.local.test:3000']
  const allowedFor = async (origin: string) => {
    const preflight = { ...PREFLIGHT, headers: { ...PREFLIGHT.headers, origin } }
    const both = [
      await send(BULK, { headers: { origin } }, { corsOrigins }),
      await send(BULK, preflight, { corsOrigins }),
    ]
    return both.map(({ headers }) => headers.get('access-control-allow-origin'))
  }
  for (const origin of ['https://pr-1.app.example', 'http://a.local.test:3000'])
    assert.deepEqual(await allowedFor(origin), [origin, origin])
  for (const origin of [
    ...['https://app.example', 'https://a.b.app.example', 'https://evilapp.example', 'http://a.app.example'],
    ...['https://a.app.example.evil', 'https://a.app.example:444', 'https://a-app.example', 'https://.app.example'],
    ...['http://a.local.test', 'https://*.app.example', 'https://evil.example/.app.example', 'null'],
  ])
    assert.deepEqual(await allowedFor(origin), [null, null], origin)
})
