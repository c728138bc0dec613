import assert from 'node:assert/strict'
import { after, before, beforeEach, test } from 'node:test'
import { type Listening, openListening } from '../../../support/listening.ts'
import { ADMIN_KEY } from '../../../support/service.ts'

// References to flags in code, over a socket and against Postgres.

let it: Listening
let made = 0
let project: string
before(async () => {
  it = await openListening({ listen: { bodyBytesMax: 16_000_000 } })
})
beforeEach(async () => {
  made += 1
  project = `/api/v1/projects/c${made}`
  await call('POST', '/api/v1/projects', { key: `c${made}` })
  await call('POST', `${project}/environments`, { key: 'prod' })
  for (const key of ['a', 'b']) await call('POST', `${project}/flags`, { key, type: 'boolean' })
})
after(() => it.close())

async function call(method: string, target: string, body?: unknown) {
  const response = await fetch(`${it.address}${target}`, {
    method,
    headers: { 'x-api-key': ADMIN_KEY, ...(body !== undefined && { 'content-type': 'application/json' }) },
    ...(body !== undefined && { body: JSON.stringify(body) }),
  })
  const answer: any = await response.json().catch(() => undefined)
  return { status: response.status, body: answer }
}
const scan = (repository: string, references: object[], more: object = {}) =>
  call('PUT', `${project}/code-references/${encodeURIComponent(repository)}`, {
    branch: 'main',
    commit: 'abcdef0123',
    committedAt: '2026-06-01T00:00:00Z',
    references,
    ...more,
  })
const at = (flag: string, path = 'a.ts', line = 1) => ({ flag, path, line })
const of = async (flag: string) => (await call('GET', `${project}/flags/${flag}/code-references`)).body

test('L11: the references of a flag are shown with repository, branch and commit (flagsmith#5709)', async () => {
  const stored = await scan('shop', [at('a', 'b.ts', 9), { ...at('a'), text: 'on("a")' }, at('b'), at('none'), at('a')])
  assert.deepEqual(stored.body, { references: 3, unknown: ['none'] })
  await scan('app', [at('a')], { branch: 'next' })
  const { items, scans } = await of('a')
  assert.deepEqual(
    items.map(({ repository, branch, path, line, text }: any) => [repository, branch, path, line, text]),
    [
      ['app', 'next', 'a.ts', 1, ''],
      ['shop', 'main', 'a.ts', 1, 'on("a")'],
      ['shop', 'main', 'b.ts', 9, ''],
    ],
  )
  assert.deepEqual(
    scans.map(({ repository, commit, committedAt, references }: any) => [repository, commit, committedAt, references]),
    [
      ['app', 'abcdef0123', '2026-06-01T00:00:00.000Z', 1],
      ['shop', 'abcdef0123', '2026-06-01T00:00:00.000Z', 2],
    ],
  )
  assert.equal((await call('GET', `${project}/flags/none/code-references`)).status, 404)
})

test('a scan replaces that of its branch alone, unless a newer commit was scanned', async () => {
  await scan('shop', [at('a')])
  await scan('shop', [at('a', 'c.ts')], { branch: 'next' })
  assert.equal(
    (await scan('shop', [at('b')], { commit: 'bcdef01234', committedAt: '2026-06-02T00:00:00Z' })).status,
    200,
  )
  assert.deepEqual(
    (await of('a')).items.map(({ branch }: any) => branch),
    ['next'],
  )
  const older = await scan('shop', [at('a')])
  assert.deepEqual([older.status, older.body.code], [409, 'conflict'])
  assert.match(older.body.detail, /bcdef01234/)
  const again = await scan('shop', [at('b')], { commit: 'bcdef01234', committedAt: '2026-06-02T00:00:00Z' })
  assert.equal(again.status, 200, 'the same commit may be scanned again')
  await Promise.all(
    Array.from({ length: 8 }, (_, index) =>
      scan('shop', [at('a', `${index}.ts`)], { committedAt: '2026-06-03T00:00:00Z' }),
    ),
  )
  assert.equal((await of('a')).items.length, 2, 'one of eight at once, and the other branch')
})

test('a scan that finds a flag no more is evidence, until there is a new one', async () => {
  const kinds = async (flag: string) => {
    const { items } = (await call('GET', `${project}/stale?status=new`)).body
    return items.find((item: any) => item.flag === flag).evidence.map(({ kind }: any) => kind)
  }
  assert.deepEqual(await kinds('a'), ['orphan'], 'without a scan nothing is known')
  await scan('shop', [at('b')])
  assert.deepEqual([await kinds('a'), await kinds('b')], [['no-code', 'orphan'], ['orphan']])
  await scan('app', [at('a')])
  assert.deepEqual(await kinds('a'), ['orphan'], 'another repository has it')
})

test('what is wrong in a scan is refused with its place', async () => {
  for (const [references, more, pointer] of [
    [[at('a', '', 1)], {}, '/references/0/path'],
    [[at('a'), at('a', 'x', 0)], {}, '/references/1/line'],
    [[{ ...at('a'), text: 'x'.repeat(201) }], {}, '/references/0/text'],
    [[], { commit: 'HEAD' }, '/commit'],
    [[], { branch: '' }, '/branch'],
    [[], { committedAt: 'today' }, '/committedAt'],
  ] as const) {
    const refused = await scan('shop', [...references], more)
    assert.deepEqual([refused.status, refused.body.errors[0].pointer], [400, pointer])
  }
  assert.equal((await scan('x'.repeat(201), [])).status, 400)
  const many = Array.from({ length: 50_001 }, (_, index) => at('a', 'a', index + 1))
  assert.equal((await scan('shop', many)).status, 400)
  assert.equal((await scan('shop', many.slice(1))).body.references, 50_000)
})

test('a project has at most 200 branches of repositories', async () => {
  for (let index = 0; index < 200; index += 1) assert.equal((await scan(`r${index}`, [])).status, 200)
  assert.deepEqual((await scan('more', [])).body.code, 'conflict')
  assert.equal((await scan('r0', [at('a')])).status, 200)
})
