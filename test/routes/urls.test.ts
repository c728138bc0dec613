import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import fc from 'fast-check'
import { type Listening, openListening } from '../support/listening.ts'
import { ADMIN_KEY } from '../support/service.ts'

// Arbitrary text in URLs and selectors, through a socket and down to Postgres: rejected with 400, never a 500.

type Operation = { method: string; path: string; names: readonly string[]; queries: readonly string[] }
let listening: Listening
let operations: Operation[]
let made = 0
before(async () => {
  listening = await openListening()
  await listening.environment('shop')
  const flag = { state: 'ENABLED', variants: { on: true, off: false }, defaultVariant: 'on' }
  for (const path of ['environments/test/flags/a'])
    await listening.service.call('PUT', `/api/v1/projects/shop/${path}`, { body: flag })
  const { body } = await listening.service.call('GET', '/openapi.json')
  operations = [...operationsOf(body), ...OTHERS]
})
after(() => listening.close())

/** Routes that are not in the OpenAPI document: OFREP, its event stream, and HTTP sync. */
const OTHERS: Operation[] = [
  { method: 'POST', path: '/ofrep/v1/evaluate/flags/{key}', names: ['key'], queries: [] },
  { method: 'POST', path: '/ofrep/v1/evaluate/flags', names: [], queries: ['flagConfigEtag'] },
  { method: 'GET', path: '/ofrep/v1/sse/{selector}', names: ['selector'], queries: ['token'] },
  { method: 'GET', path: '/v1/flags/{selector}', names: ['selector'], queries: [] },
]

type Document = { paths: Record<string, Record<string, { parameters?: { in: string; name: string }[] }>> }
const operationsOf = ({ paths }: Document): Operation[] =>
  Object.entries(paths).flatMap(([path, item]) =>
    Object.entries(item).map(([method, { parameters = [] }]) => {
      const names = (place: string) => parameters.filter((parameter) => parameter.in === place).map(({ name }) => name)
      return { method: method.toUpperCase(), path, names: names('path'), queries: names('query') }
    }),
  )

/** Percent-encodes, lone surrogates as the bytes that incorrect clients send for them. */
const encode = (text: string): string =>
  [...text]
    .map((character) => (character.isWellFormed() ? encodeURIComponent(character) : loneSurrogate(character)))
    .join('')
const loneSurrogate = (character: string): string => {
  const code = character.charCodeAt(0)
  return hex([0xe0 | (code >> 12), 0x80 | ((code >> 6) & 0x3f), 0x80 | (code & 0x3f)])
}
const hex = (bytes: Iterable<number>): string =>
  Array.from(bytes, (byte) => `%${byte.toString(16).padStart(2, '0')}`).join('')

const digits = (length: number, max: number) => fc.nat(max).map((value) => String(value).padStart(length, '0'))
const timestamps = fc
  .tuple(
    fc.oneof(fc.constantFrom('0000', '0001', '1969', '9999'), digits(4, 9_999)),
    ...[digits(2, 13), digits(2, 32), digits(2, 25), digits(2, 60), digits(2, 60)],
    fc.constantFrom('Z', '+14:00', '-23:59', '+00', '-1200', ' 02:00', '.123456789Z', ''),
    fc.constantFrom('T', ' '),
  )
  .map(
    ([year, month, day, hour, minute, second, end, mark]) =>
      `${year}-${month}-${day}${mark}${hour}:${minute}:${second}${end}`,
  )
const MALFORMED = [
  '%00',
  'a%00b',
  '%ED%A0%80',
  '%ed%b0%80',
  '%',
  '%2',
  '%zz',
  '%C0%80',
  '%FF',
  '%F5%80%80%80',
  '%e2%82',
]
const TIMES = [
  '0000-01-01T00:00:00Z',
  '0000-12-31T23:59:59Z',
  '0001-01-01T00:00:00+14:00',
  '0001-01-01T00:00:00Z',
  '2026-02-30T00:00:00Z',
  '2026-01-01T24:00:00Z',
  '2026-01-01 00:00:00Z',
  '2026-01-01T00:00:00+00',
  '9999-12-31T23:59:59-12:00',
]
const NUMBERS = ['-1', '0', '1e3', '999999999999999999', '9223372036854775808', '99999999999999999999', '0x10', '1000']
/** Includes lone surrogates. fast-check's own unit of this kind blocks Node for 7 s, too long for database connections. */
const characters = fc.nat(0x10ffff).map((code) => String.fromCodePoint(code))
const values = fc.oneof(
  fc.constantFrom(...MALFORMED),
  fc.constantFrom(...[...TIMES, ...NUMBERS, '__proto__', 'constructor', 'true', 'shop', 'test', 'a'].map(encode)),
  timestamps.map(encode),
  fc
    .string({
      unit: fc.oneof(
        fc.nat(255).map((code) => String.fromCharCode(code)),
        characters,
      ),
      maxLength: 20,
    })
    .map(encode),
  fc.uint8Array({ maxLength: 8 }).map(hex),
  fc.constantFrom('a', 'é', '\0').map((character) => encode(character.repeat(1_500))),
)
const GOOD: Readonly<Record<string, string>> = {
  project: 'shop',
  environment: 'test',
  key: 'a',
  id: '00000000-0000-4000-8000-000000000000',
  selector: encodeURIComponent('flagSetId=shop/test'),
}
/** The value of each parameter in turn; undefined: a valid one, or none. */
const choices = fc.array(fc.option(values, { nil: undefined }), { minLength: 12, maxLength: 12 })

const bodyOf = (method: string, path: string): object => {
  made += 1
  if (path.endsWith('/rollback')) return { revision: 1 }
  if (path.endsWith('/flagset')) return { flags: {} }
  if (method === 'PUT') return { state: 'ENABLED', variants: { on: true, off: false }, defaultVariant: 'on' }
  if (path.endsWith('/keys'))
    return { name: 'x', role: 'client', environment: { project: 'shop', environment: 'test' } }
  if (path.endsWith('/flags')) return { key: `f${made}`, type: 'boolean' }
  return method === 'POST' && !path.startsWith('/ofrep') ? { key: `k${made}` } : {}
}

function addressOf({ path, names, queries }: Operation, chosen: readonly (string | undefined)[]): string {
  let next = 0
  const named = names.reduce((text, name) => text.replace(`{${name}}`, chosen[next++] || (GOOD[name] ?? 'a')), path)
  const pairs = [...queries, 'comment'].flatMap((name) => {
    const value = chosen[next++]
    return value === undefined ? [] : [`${name}=${value}`]
  })
  return `${named}${pairs.length > 0 ? `?${pairs.join('&')}` : ''}`
}

async function send(method: string, address: string, more: Readonly<Record<string, string>> = {}): Promise<Answer> {
  const isWrite = ['POST', 'PUT', 'PATCH'].includes(method)
  const response = await fetch(`${listening.address}${address}`, {
    method,
    headers: {
      authorization: `Bearer ${ADMIN_KEY}`,
      // Valid requests must not change the state for the next run.
      ...(method === 'DELETE' && { 'if-match': '"999"' }),
      ...(isWrite && { 'content-type': 'application/json' }),
      ...(/^\/(?:ofrep|v1)/.test(address) && { 'flagd-selector': 'flagSetId=shop/test' }),
      ...more,
    },
    ...(method === 'DELETE' && { body: '{}' }),
    ...(isWrite && { body: JSON.stringify(bodyOf(method, address.split('?')[0] ?? '')) }),
  })
  if (response.headers.get('content-type') === 'text/event-stream') {
    await response.body?.cancel()
    return { status: response.status, text: '' }
  }
  return { status: response.status, text: await response.text() }
}
type Answer = { readonly status: number; readonly text: string }

const isMalformed = (address: string): boolean => {
  try {
    return decodeURIComponent(address).includes('\0')
  } catch {
    return true
  }
}

test('no value of any parameter of any operation causes an error of the service', async () => {
  const property = fc.asyncProperty(fc.nat(), choices, async (pick, chosen) => {
    const operation = operations[pick % operations.length] ?? assert.fail()
    const address = addressOf(operation, chosen)
    const { status, text } = await send(operation.method, address)
    assert.ok(status < 500, `${operation.method} ${address}: ${status} ${text}`)
    const isTooLong = status === 431 && address.length > 8_000
    if (isMalformed(address) && address.startsWith('/api/') && !isTooLong)
      assert.equal(status, 400, `${operation.method} ${address}`)
  })
  await fc.assert(property, { numRuns: 800 })
})

test('each parameter alone, with each invalid value', async () => {
  for (const operation of operations)
    for (const [place, name] of [...operation.names, ...operation.queries].entries())
      for (const value of MALFORMED) {
        if (['token', 'flagConfigEtag'].includes(name)) continue // compared, and not stored
        const address = addressOf(
          operation,
          Array.from({ length: place + 1 }, (_, at) => (at === place ? value : undefined)),
        )
        // Of two selectors the header takes precedence.
        const { status, text } = await send(
          operation.method,
          address,
          name === 'selector' ? { 'flagd-selector': '' } : {},
        )
        assert.equal(status, 400, `${operation.method} ${address}: ${text}`)
      }
})

test('a comment must be valid text, on each operation that changes something', async () => {
  for (const { method, path, names, queries } of operations) {
    if (method === 'GET' || path.startsWith('/ofrep')) continue
    assert.ok(queries.includes('comment'), `${method} ${path} documents a comment`)
    const address = addressOf({ method, path, names, queries: [] }, [...names.map(() => undefined), '%00'])
    assert.equal((await send(method, address)).status, 400, address)
  }
})

test('a time that does not exist is refused, and one that exists is accepted', async () => {
  const statusOf = async (time: string) => {
    const from = (await send('GET', `/api/v1/changes?from=${encodeURIComponent(time)}`)).status
    const to = (await send('GET', `/api/v1/changes?to=${encodeURIComponent(time)}`)).status
    const usage = await send(
      'GET',
      `/api/v1/projects/shop/environments/test/flags/a/usage?to=${encodeURIComponent(time)}`,
    )
    assert.equal(from, to)
    assert.ok(usage.status < 500, time)
    return from
  }
  for (const time of [
    '2026-02-29T00:00:00Z',
    '2026-04-31T00:00:00Z',
    '2026-01-01T00:00:60Z',
    ...TIMES.slice(0, 3),
    TIMES[8],
  ])
    assert.equal(await statusOf(time ?? ''), 400, time)
  for (const time of [
    '2024-02-29T00:00:00Z',
    '0001-01-01T00:00:00Z',
    '9999-12-31T23:59:59.999999999Z',
    '2026-01-01T00:00:00+0200',
  ])
    assert.equal(await statusOf(time), 200, time)
})

test('the expiry of a key must be a time that exists', async () => {
  for (const [expiresAt, status] of [
    ['2026-02-30T00:00:00Z', 400],
    ['0000-01-01T00:00:00Z', 400],
    ['9999-12-31T23:59:59-12:00', 400],
    ['2036-02-29 12:00:00.5+02', 201],
  ] as const) {
    const body = { name: 'x', role: 'admin', expiresAt }
    const response = await fetch(`${listening.address}/api/v1/keys`, {
      method: 'POST',
      headers: { authorization: `Bearer ${ADMIN_KEY}`, 'content-type': 'application/json' },
      body: JSON.stringify(body),
    })
    const answer: { expiresAt?: string } = JSON.parse(await response.text())
    assert.equal(response.status, status, expiresAt)
    if (status === 201) assert.equal(answer.expiresAt, '2036-02-29T10:00:00.500Z')
  }
})

test('a selector must be valid text: in a path, and in the message of a call', async () => {
  for (const selector of ['flagSetId=shop%2Ftest%00', 'flagSetId%3Da%00%2Fb', '%ED%A0%80'])
    for (const path of ['/v1/flags/', '/ofrep/v1/sse/'])
      assert.equal(
        (await send('GET', `${path}${selector}`, { 'flagd-selector': '' })).status,
        400,
        `${path}${selector}`,
      )
  for (const selector of ['flagSetId=a\0/b', 'flagSetId=\ud800/b', 'source=\0']) {
    const response = await fetch(`${listening.address}/flagd.sync.v1.FlagSyncService/FetchAllFlags`, {
      method: 'POST',
      headers: { authorization: `Bearer ${ADMIN_KEY}`, 'content-type': 'application/json' },
      body: JSON.stringify({ selector }),
    })
    assert.equal(response.status, 400, await response.text())
  }
})

test('an If-Match of any digits is compared, and does not match', async () => {
  for (const tag of ['"9223372036854775808"', '"9999999999999999999"', '"0"', '"', '"-1", "x"'])
    assert.equal((await send('PATCH', '/api/v1/projects/shop', { 'if-match': tag })).status, 412, tag)
})
