import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Ajv2020 } from 'ajv/dist/2020.js'
import { parse } from 'yaml'
import type { AppDependencies } from '../../src/app.ts'
import { FlagError } from '../../src/flag/error.ts'
import { listFiles, readJson, readText, withConformance } from '../support/conformance.ts'
import { type Document, ofrepOver } from '../support/ofrep.ts'

const BULK = '/ofrep/v1/evaluate/flags'
const SINGLE = '/ofrep/v1/evaluate/flags/{key}'

const on = { state: 'ENABLED', variants: { on: true }, defaultVariant: 'on' }
const KINDS: Document = {
  metadata: { owner: 'shop', level: 1.5, isShared: true },
  flags: {
    boolean: on,
    text: { ...on, variants: { on: '' } },
    integer: { ...on, variants: { on: 2 ** 53 } },
    float: { ...on, variants: { on: -0.25 } },
    object: { ...on, variants: { on: { a: [null, { b: 1 }] } } },
    match: { ...on, targeting: { if: [true, 'on'] } },
    default: { ...on, targeting: { if: [false, 'on'] } },
    disabled: { ...on, state: 'DISABLED' },
    bare: { ...on, defaultVariant: null },
    broken: { ...on, targeting: { nope: [] } },
    strange: { ...on, targeting: { cat: ['nobody'] } },
    'a/b ż': { ...on, metadata: { flagSetId: 'inner' } },
  },
}

/** `oneOf` is replaced by `anyOf`, because `codeDefaultFlag` matches every object; the list of reasons lacks DEFAULT, so any text is allowed. */
function relaxed(value: unknown, name = ''): unknown {
  if (Array.isArray(value)) return value.map((item) => relaxed(item))
  if (typeof value !== 'object' || value === null) return value
  const entries = Object.entries(value).filter(([key]) => !(name === 'reason' && key === 'enum'))
  return Object.fromEntries(entries.map(([key, item]) => [key === 'oneOf' ? 'anyOf' : key, relaxed(item, key)]))
}

function pointer(...path: readonly string[]): string {
  return path.map((part) => `/${encodeURIComponent(part.replaceAll('~', '~0').replaceAll('/', '~1'))}`).join('')
}

/** Checks a response against the document: path as written there, status, body. */
function openApi(): (path: string, status: number, body: unknown) => void {
  const ajv = new Ajv2020({ strict: false, validateFormats: false, allErrors: true })
  ajv.addSchema({ $id: 'ofrep', ...Object(relaxed(parse(readText('ofrep/openapi.yaml')))) })
  return (path, status, body) => {
    const place = pointer('paths', path, 'post', 'responses', String(status), 'content', 'application/json', 'schema')
    const validate = ajv.getSchema(`ofrep#${place}`)
    assert.ok(validate, `${path} has no schema for ${status}`)
    assert.ok(validate(body), `${JSON.stringify(body)}: ${ajv.errorsText(validate.errors)}`)
  }
}

async function send(
  path: string,
  init: RequestInit = {},
  dependencies: Partial<AppDependencies> = {},
  document = KINDS,
) {
  const headers = { authorization: 'Bearer shop/live', ...init.headers }
  const response = await ofrepOver({ 'shop/live': document }, dependencies).request(path, {
    method: 'POST',
    ...init,
    headers,
  })
  return { status: response.status, body: Object(await response.json()) }
}

withConformance('the OpenAPI document of OFREP: errors', () => {
  const check = openApi()
  for (const [path, status, body] of [
    [SINGLE, 200, { key: 'a' }],
    [SINGLE, 200, { key: 'a', reason: 'STATIC', metadata: { a: {} } }],
    [SINGLE, 400, { key: 'a', errorCode: 'FLAG_NOT_FOUND' }],
    [SINGLE, 404, { key: 'a', errorCode: 'GENERAL' }],
    [BULK, 200, { flags: [{ key: 'a' }] }],
    [BULK, 400, {}],
  ] as const)
    test(`the schemas refuse ${JSON.stringify(body)}`, () => assert.throws(() => check(path, status, body)))

  const failing: Partial<AppDependencies> = { current: () => Promise.reject(new Error('a bug')) }
  for (const [title, init, status, dependencies] of [
    ['a context', { body: '{"context":{"targetingKey":"ann"}}' }, 200, {}],
    ['no body', {}, 200, {}],
    ['a selector', { headers: { 'flagd-selector': 'flagSetId=inner' } }, 200, {}],
    ['a malformed context', { body: '{' }, 400, {}],
    ['an invalid selector', { headers: { 'flagd-selector': 'x=1' } }, 400, {}],
    ['no environment', { headers: { authorization: 'Bearer admin' } }, 400, {}],
    ['a bug', {}, 500, failing],
  ] as const)
    for (const [path, described] of [
      [BULK, BULK],
      [`${BULK}/a%2Fb%20%C5%BC`, SINGLE],
    ] as const)
      test(`${described} with ${title} answers ${status} as described`, async () => {
        const answer = await send(path, init, dependencies)
        assert.equal(answer.status, status)
        check(described, status, answer.body)
      })
})

withConformance('the OpenAPI document of OFREP: answers', () => {
  const check = openApi()
  for (const key of [...Object.keys(KINDS.flags), 'nobody'])
    test(`${SINGLE} answers the flag ${key} as described`, async () => {
      const answer = await send(`${BULK}/${encodeURIComponent(key)}`)
      check(SINGLE, answer.status, answer.body)
    })

  test(`${SINGLE} answers a key that cannot be read, and a missing environment, as described`, async () => {
    check(SINGLE, 400, (await send(`${BULK}/%`)).body)
    const current = () => Promise.reject(new FlagError('not_found', 'No such environment'))
    check(SINGLE, 404, (await send(`${BULK}/boolean`, {}, { current })).body)
  })

  for (const name of listFiles('flagd-testbed/flags', '.json'))
    test(`the flags of ${name} are answered as described`, async () => {
      const document = readJson(`flagd-testbed/flags/${name}`) as Document
      const bulk = await send(BULK, {}, {}, document)
      assert.equal(bulk.body.flags.length, Object.keys(document.flags).length)
      check(BULK, bulk.status, bulk.body)
      for (const key of Object.keys(document.flags)) {
        const single = await send(`${BULK}/${key}`, {}, {}, document)
        check(SINGLE, single.status, single.body)
      }
    })
})
