import assert from 'node:assert/strict'
import { once } from 'node:events'
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import http2 from 'node:http2'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import * as v1 from '../../src/grpc/gen/flagd/evaluation/v1/evaluation_pb.js'
import * as v2 from '../../src/grpc/gen/flagd/evaluation/v2/evaluation_pb.js'
import * as sync from '../../src/grpc/gen/flagd/sync/v1/sync_pb.js'
import * as health from '../../src/grpc/gen/grpc/health/v1/health_pb.js'
import * as php from '../../src/grpc/gen/schema/v1/schema_pb.js'
import { type Listening, openListening } from '../support/listening.ts'
import { RawH1 } from '../support/raw-h1.ts'
import { ADMIN_KEY } from '../support/service.ts'

// Every route, in process and through sockets: adapters between a runtime's server and Request differ, which tests in process cannot detect.

type Answer = { readonly status: number; readonly body: string }
type Sent = { readonly method: string; readonly path: string; readonly headers: Record<string, string>; body?: string }
type Send = (sent: Sent) => Promise<Answer>
type Step = readonly [method: string, path: string, body?: unknown, key?: 'client' | 'none']

const ENVIRONMENT = '/api/v1/projects/{project}/environments/test'
const ROLLOUT = { to: { variant: 'on' }, salt: 's', start: 4_000_000_000, ramp: { for: '1d' } }
const FLAG = { state: 'ENABLED', variants: { on: true, off: false }, defaultVariant: 'on' }
const JSON_TYPE = 'application/json'

/** Steps that call every route, from the creation of a project to its deletion. The state at the end is that of the beginning. */
const STEPS: readonly Step[] = [
  ['POST', '/api/v1/projects', { key: '{project}', name: 'Grüße' }],
  ['GET', '/api/v1/projects?limit=1'],
  ['GET', '/api/v1/projects/{project}'],
  ['PATCH', '/api/v1/projects/{project}', { description: 'changed' }],
  ['POST', '/api/v1/projects/{project}/environments', { key: 'test' }],
  ['GET', '/api/v1/projects/{project}/environments'],
  ['GET', ENVIRONMENT],
  ['PATCH', ENVIRONMENT, { name: 'Test' }],
  ['POST', '/api/v1/projects/{project}/flags', { key: 'on', type: 'boolean' }],
  ['GET', '/api/v1/projects/{project}/flags'],
  ['GET', '/api/v1/projects/{project}/flags/on'],
  ['PATCH', '/api/v1/projects/{project}/flags/on', { owner: 'ada' }],
  ['PUT', `${ENVIRONMENT}/flags/on`, FLAG],
  ['PATCH', `${ENVIRONMENT}/flags/on`, { defaultVariant: 'off' }],
  ['GET', '/api/v1/projects/{project}/matrix?limit=1'],
  ['GET', '/api/v1/projects/{project}/attributes'],
  ['GET', `${ENVIRONMENT}/flags`],
  ['GET', `${ENVIRONMENT}/flags/on`],
  ['GET', `${ENVIRONMENT}/flags/on/history`],
  ['GET', `${ENVIRONMENT}/flags/on/usage`],
  ['POST', `${ENVIRONMENT}/flags/on/rollback`, { revision: 0 }],
  ['PUT', `${ENVIRONMENT}/flagset`, { flags: { on: FLAG, more: FLAG } }],
  ['PUT', `${ENVIRONMENT}/flagset`, { flags: { on: { ...FLAG, defaultVariant: 'none' } } }],
  ['GET', `${ENVIRONMENT}/flagset`],
  ['GET', `${ENVIRONMENT}/problems`],
  ['PUT', `${ENVIRONMENT}/segments/staff`, { rule: ['ada'] }],
  ['GET', `${ENVIRONMENT}/segments?usedBy=true`],
  ['GET', `${ENVIRONMENT}/segments/staff`],
  ['PATCH', `${ENVIRONMENT}/segments/staff`, { rule: ['bo'] }],
  ['POST', `${ENVIRONMENT}/segments/staff/rename`, { to: 'crew' }],
  ['DELETE', `${ENVIRONMENT}/segments/crew`],
  ['PUT', `${ENVIRONMENT}/managers/test%3Aa%2Fb`, { flags: { on: FLAG, more: { ...FLAG, state: 'NONE' } } }],
  ['GET', `${ENVIRONMENT}/managers`],
  ['DELETE', `${ENVIRONMENT}/managers/test%3Aa%2Fb`],
  [
    'POST',
    `${ENVIRONMENT}/explain`,
    { flags: ['on', 'none'], at: '2026-01-01T00:00:00Z', context: { targetingKey: 'ada' } },
  ],
  ['POST', '/api/v1/projects/{project}/environments', { key: 'next' }],
  ['GET', '/api/v1/projects/{project}/compare?source=test&target=next&only=different'],
  ['POST', '/api/v1/projects/{project}/promote', { source: 'test', target: 'next', flags: [{ flag: 'on' }] }],
  ['GET', '/api/v1/projects/{project}/compare?source=test&target=next&flag=on&flag=more'],
  ['POST', `${ENVIRONMENT}/flags/on/copy`, { to: 'copied' }],
  ['DELETE', '/api/v1/projects/{project}/environments/next'],
  ['POST', `${ENVIRONMENT}/flags/copied/plan/rollout`, ROLLOUT],
  ['GET', `${ENVIRONMENT}/flags/copied/plan?at=4000000000`],
  ['GET', `${ENVIRONMENT}/schedule`],
  ['POST', `${ENVIRONMENT}/flags/copied/plan/pause`, {}],
  ['POST', `${ENVIRONMENT}/flags/copied/plan/resume`, {}],
  ['POST', `${ENVIRONMENT}/flags/copied/plan/retreat`, { how: 'now' }],
  ['POST', `${ENVIRONMENT}/flags/copied/plan/finish?early=true`, {}],
  ['POST', `${ENVIRONMENT}/flags/copied/plan/rollout`, ROLLOUT],
  ['POST', `${ENVIRONMENT}/flags/copied/plan/cancel`, {}],
  ['GET', '/api/v1/projects/{project}/stale?status=new&limit=2'],
  ['PUT', '/api/v1/projects/{project}/stale/settings', { newDays: 1, lifetimeDays: { release: null } }],
  ['GET', '/api/v1/projects/{project}/stale/settings'],
  [
    'POST',
    `${ENVIRONMENT}/usage`,
    {
      id: '00000000-0000-4000-8000-000000000001',
      from: '2026-01-01T00:00:00Z',
      to: '2026-01-01T00:01:00Z',
      counts: [],
    },
  ],
  [
    'PUT',
    '/api/v1/projects/{project}/code-references/github.com%2Fa%2Fb',
    {
      branch: 'main',
      commit: '0123456789abcdef',
      committedAt: '2026-01-01T00:00:00Z',
      references: [{ flag: 'on', path: 'a.ts', line: 1 }],
    },
  ],
  ['GET', '/api/v1/projects/{project}/flags/on/code-references'],
  ['POST', '/api/v1/projects/{project}/flags/archive', { flags: ['copied'], dryRun: true }],
  ['POST', '/api/v1/projects/{project}/flags/archive', { flags: ['copied', 'none'] }],
  ['POST', '/api/v1/projects/{project}/flags/archive', { flags: ['copied'] }],
  ['GET', '/api/v1/changes?project={project}&limit=3'],
  [
    'POST',
    '/api/v1/keys',
    { name: '{project}', role: 'client', environment: { project: '{project}', environment: 'test' } },
  ],
  ['GET', '/api/v1/keys?limit=1'],
  ['POST', '/ofrep/v1/evaluate/flags/on', { context: { targetingKey: 'ada' } }, 'client'],
  ['POST', '/ofrep/v1/evaluate/flags/none', { context: {} }, 'client'],
  ['POST', '/ofrep/v1/evaluate/flags', { context: { targetingKey: 'ada' } }, 'client'],
  ['POST', '/ofrep/v1/evaluate/flags', {}, 'none'],
  ['GET', '/ofrep/v1/evaluate/flags/on', undefined, 'client'],
  ['OPTIONS', '/ofrep/v1/evaluate/flags/on', undefined, 'none'],
  ['GET', '/ofrep/v1/sse/none?token=1', undefined, 'none'],
  ['GET', '/v1/flags?flagSetId', undefined, 'client'],
  ['GET', `/v1/flags/flagSetId%3D{project}%2Ftest`],
  ['DELETE', '/api/v1/keys/{key}'],
  ['PUT', `${ENVIRONMENT}/groups/checkout`, { slots: [{ slot: 'on', places: 50_000 }] }],
  ['PUT', `${ENVIRONMENT}/groups/checkout?dryRun=true`, { slots: [] }],
  ['GET', `${ENVIRONMENT}/groups`],
  ['GET', `${ENVIRONMENT}/groups/checkout`],
  ['DELETE', `${ENVIRONMENT}/groups/checkout`],
  ['PUT', `${ENVIRONMENT}/holdouts/global`, { share: 1_000 }],
  ['GET', `${ENVIRONMENT}/holdouts`],
  ['GET', `${ENVIRONMENT}/holdouts/global`],
  ['DELETE', `${ENVIRONMENT}/holdouts/global`],
  ['POST', `${ENVIRONMENT}/flags/more/overrides`, { targetingKey: 'ada', variant: 'on' }],
  ['DELETE', `${ENVIRONMENT}/flags/more/overrides/ada`],
  ['PUT', `${ENVIRONMENT}/flags/more/split?dryRun=true`, { shares: [{ variant: 'on', share: 100_000 }] }],
  ['DELETE', `${ENVIRONMENT}/flags/more`],
  ['DELETE', ENVIRONMENT],
  ['DELETE', '/api/v1/projects/{project}'],
  ['DELETE', '/api/v1/projects/{project}'],
  ['OPTIONS', '/api/v1/projects', undefined, 'none'],
  ['POST', '/api/v1/projects', { key: 'x' }, 'none'],
  ['GET', '/console/session'],
  ['GET', '/console/session', undefined, 'none'],
  ['POST', '/console/session', { key: 'wrong' }, 'none'],
  ['DELETE', '/console/session', undefined, 'none'],
  ['GET', '/'],
  ['GET', '/console/'],
  ['GET', '/console/assets/none.js'],
  ['GET', '/openapi.json'],
  ['GET', '/docs'],
  ['GET', '/livez'],
  ['GET', '/readyz'],
  ['GET', '/startupz'],
  ['HEAD', '/livez'],
  ['POST', '/nowhere', {}],
]

const SERVICES = [v1.Service, v2.Service, php.Service, sync.FlagSyncService, health.Health]
/** Calls of one message by Connect with a key; streams without one, so that they end at once. Reflection is gRPC only. */
const CALLS: readonly Step[] = SERVICES.flatMap(({ typeName, methods }) =>
  methods.map(({ name, methodKind }): Step => {
    const path = `/${typeName}/${name}`
    return methodKind === 'unary' ? ['POST', path, { flagKey: 'none' }] : ['POST', path, {}, 'none']
  }),
)

let it: Listening
let clientKey = ''
const folder = mkdtempSync(join(tmpdir(), 'flagstaff-wire-'))
before(async () => {
  mkdirSync(join(folder, 'assets'))
  for (const page of ['index.html', 'frame.html']) writeFileSync(join(folder, page), '<!doctype html>')
  it = await openListening({ dependencies: { console: { publicPath: '', folder } } })
  clientKey = (await it.environment('calls')).clientKey
})
after(async () => {
  await it.close()
  rmSync(folder, { recursive: true })
})

let runs = 0

/** The response to each step. `hasBodies` is false if no bodies are sent. */
async function run(send: Send, hasBodies = true): Promise<readonly [string, Answer][]> {
  runs += 1
  const names = { project: `wire-${runs}`, key: '00000000-0000-0000-0000-000000000000', client: clientKey }
  const answers: [string, Answer][] = []
  for (const [method, path, body, key = 'admin'] of [...STEPS, ...CALLS]) {
    const filled = (text: string) => text.replaceAll('{project}', names.project).replaceAll('{key}', names.key)
    const secret = { admin: ADMIN_KEY, client: names.client, none: undefined }[key]
    const text = hasBodies && body !== undefined ? filled(JSON.stringify(body)) : undefined
    const headers = {
      ...(secret !== undefined && { authorization: `Bearer ${secret}` }),
      ...(body !== undefined && { 'content-type': JSON_TYPE }),
    }
    const sent = { method, path: filled(path), headers, ...(text !== undefined && { body: text }) }
    const answer = await send(sent)
    if (path === '/api/v1/keys' && answer.status === 201) {
      const created = JSON.parse(answer.body)
      Object.assign(names, { key: created.id, client: created.secret })
    }
    answers.push([`${method} ${path}`, { status: answer.status, body: comparable(answer.body) }])
  }
  return answers
}

/** Replaces values that differ between runs: names, ids, secrets, times, revisions and traces. */
function comparable(body: string): string {
  return body
    .replaceAll(/wire-\d+/g, 'wire')
    .replaceAll(/[\da-f]{8}-[\da-f]{4}-[\da-f-]{22}/g, '<id>')
    .replaceAll(/\d{4}-\d\d-\d\dT[\d:.]+Z/g, '<time>')
    .replaceAll(/"(traceId|secret|prefix)":"[^"]+"/g, '"$1":"<…>"')
    .replaceAll(/"(revision|id|next|before|after|now|at)":"?\d+"?/g, '"$1":0')
    .replaceAll(/\?token=[\w.-]+/g, '?token')
}

const inProcess: Send = async ({ path, ...init }) => {
  const response = await it.service.fetch(new Request(`http://127.0.0.1${path}`, init))
  return { status: response.status, body: await response.text() }
}

/** Sends over HTTP/1.1 with the headers and bytes that `framed` creates from a body. */
const overHttp1 =
  (framed: (body: string | undefined) => { headers?: Record<string, string>; bytes?: string }): Send =>
  async ({ method, path, headers, body }) => {
    const { headers: more = {}, bytes = '' } = framed(body)
    const lines = Object.entries({ host: '127.0.0.1', ...headers, ...more }).map(([name, value]) => `${name}: ${value}`)
    const client = await RawH1.connect(it.server.port)
    const request = `${method} ${path} HTTP/1.1\r\n${lines.join('\r\n')}\r\n\r\n`
    if (method === 'HEAD') {
      client.write(request + bytes)
      const { status } = await client.head()
      client.close()
      return { status, body: '' }
    }
    const answer = await client.send(request + bytes)
    client.close()
    return { status: answer.status, body: Buffer.from(answer.body, 'latin1').toString() }
  }

const latin1 = (text: string) => Buffer.from(text).toString('latin1')
const withLength = overHttp1((body = '') => ({
  headers: { 'content-length': String(Buffer.byteLength(body)) },
  bytes: latin1(body),
}))
const plain = overHttp1((body) =>
  body === undefined ? {} : { headers: { 'content-length': String(Buffer.byteLength(body)) }, bytes: latin1(body) },
)
const inChunks = overHttp1((body = '') => {
  const chunks = (latin1(body).match(/.{1,7}/gs) ?? []).map((part) => `${part.length.toString(16)}\r\n${part}\r\n`)
  return { headers: { 'transfer-encoding': 'chunked' }, bytes: `${chunks.join('')}0\r\n\r\n` }
})

let session: http2.ClientHttp2Session | undefined
after(() => session?.destroy())
const overHttp2: Send = async ({ method, path, headers, body }) => {
  session ??= http2.connect(`http://127.0.0.1:${it.grpcPort}`)
  const endStream = body === undefined
  const stream = session.request({ ':method': method, ':path': path, ...headers }, { endStream })
  if (!endStream) stream.end(body)
  const [head]: http2.IncomingHttpHeaders[] = await once(stream, 'response')
  let text = ''
  for await (const part of stream.setEncoding('utf8')) text += part
  return { status: Number(head?.[':status']), body: text }
}

/** Does not end; test/routes/management/overview/events.test.ts reads it over HTTP/1.1. */
const STREAM = '/api/v1/projects/{project}/events'

test('the steps call every route of the OpenAPI document that ends', async () => {
  const { paths } = (await it.service.call('GET', '/openapi.json')).body as { paths: Record<string, object> }
  const called = STEPS.map(([method, path]) => [method, (path.split('?')[0] ?? '').split('/')] as const)
  for (const [path, operations] of Object.entries(paths))
    for (const operation of path === STREAM ? [] : Object.keys(operations)) {
      const parts = path.split('/')
      const isCall = ([method, names]: (typeof called)[number]) =>
        method === operation.toUpperCase() &&
        names.length === parts.length &&
        parts.every((part, place) => part.startsWith('{') || part === names[place])
      assert.ok(called.some(isCall), `${operation.toUpperCase()} ${path} is called by no step`)
    }
})

for (const [what, send, hasBodies] of [
  ['HTTP/1.1 with Content-Length', withLength, true],
  ['HTTP/1.1 in chunks', inChunks, true],
  ['HTTP/1.1 with a length only where there is a body', plain, true],
  ['HTTP/1.1 without a body', plain, false],
  ['HTTP/2', overHttp2, true],
  ['HTTP/2 without a body', overHttp2, false],
] as const)
  test(`every route answers over ${what} as it does in process`, async () => {
    const expected = await run(inProcess, hasBodies)
    const answers = await run(send, hasBodies)
    for (const [place, [step, answer]] of answers.entries()) {
      const wanted = expected[place]?.[1]
      assert.deepEqual(answer, step.startsWith('HEAD') ? { ...wanted, body: '' } : wanted, step)
      assert.ok(answer.status < 500, `${step}: ${answer.status}`)
    }
    if (hasBodies) assert.ok(answers.filter(([, { status }]) => status < 300).length > 30, 'most steps succeed')
  })

test('over HTTP/2 a browser signs in with its Origin', async () => {
  const headers = {
    'content-type': JSON_TYPE,
    origin: `http://127.0.0.1:${it.grpcPort}`,
    'x-flagstaff-console': '1',
  }
  const signIn = { method: 'POST', path: '/console/session', body: JSON.stringify({ key: ADMIN_KEY }) }
  assert.equal((await overHttp2({ ...signIn, headers })).status, 201)
  assert.equal((await overHttp2({ ...signIn, headers: { ...headers, origin: 'http://127.0.0.1:1' } })).status, 403)
})

test('over HTTP/2 the events of a project begin with the time to reconnect', async () => {
  session ??= http2.connect(`http://127.0.0.1:${it.grpcPort}`)
  const path = STREAM.replace('{project}', 'calls')
  const stream = session.request({ ':path': path, authorization: `Bearer ${ADMIN_KEY}` })
  const [head]: http2.IncomingHttpHeaders[] = await once(stream, 'response')
  assert.deepEqual([head?.[':status'], head?.['content-type']], [200, 'text/event-stream'])
  const [first] = await once(stream.setEncoding('utf8'), 'data')
  assert.match(first, /^retry: \d+\n\n$/)
  stream.close(http2.constants.NGHTTP2_CANCEL)
})
