import assert from 'node:assert/strict'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import { pathToFileURL } from 'node:url'
import { Inspector } from '../support/inspector.ts'
import { kill, RUNTIME, type Running, startService } from '../support/process.ts'
import { request } from '../support/replicas.ts'
import { openStore, type Store } from '../support/store.ts'

const SRC = pathToFileURL(join(import.meta.dirname, '../../src/')).href
/** What a reader can follow. */
const FILES_MAX = 20
/** So that compiled closures, caches and lazily loaded modules exist. */
const WARM = 20
const ADMIN_KEY = 'admin-key-for-tests-only-0123456789'
const FLAG = {
  state: 'ENABLED',
  variants: { on: true, off: false },
  defaultVariant: 'off',
  targeting: { if: [{ ends_with: [{ var: 'email' }, '@example.com'] }, 'on', 'off'] },
}

let store: Store
let service: Running
let key = ''
before(async () => {
  if (RUNTIME !== 'node') return
  store = await openStore()
  const env = { DATABASE_URL: store.url, FLAGSTAFF_ADMIN_KEY: ADMIN_KEY, FRESHNESS_MS: '60000' }
  service = await startService({ ...env, NODE_OPTIONS: '--inspect=127.0.0.1:0' })
  const send = (method: string, path: string, body: object) =>
    request(service.address, ADMIN_KEY, { method, path: `/api/v1${path}`, body })
  await send('POST', '/projects', { key: 'p' })
  await send('POST', '/projects/p/environments', { key: 'e' })
  await send('PUT', '/projects/p/environments/e/flags/a', FLAG)
  const wanted = { name: 'k', role: 'client', environment: { project: 'p', environment: 'e' } }
  key = (await send('POST', '/keys', wanted)).body.secret
})
after(async () => {
  if (RUNTIME !== 'node') return
  await kill(service)
  await store.close()
})

const evaluate = async () => {
  const body = { context: { targetingKey: 'ada', email: 'ada@example.com' } }
  const answer = await request(service.address, key, { method: 'POST', path: '/ofrep/v1/evaluate/flags/a', body })
  assert.equal(answer.body.value, true)
}

test(`an evaluation over OFREP runs functions of at most ${FILES_MAX} source files`, {
  skip: RUNTIME !== 'node',
}, async () => {
  for (let n = 0; n < WARM; n += 1) await evaluate()
  const [, address = ''] = await service.says(/Debugger listening on (ws:\S+)/)
  const inspector = await Inspector.connect(address)
  await inspector.startCounting()
  await evaluate()
  await inspector.counted() // start-up and everything before does not count
  await evaluate()
  const files = (await inspector.counted())
    .filter(
      ({ url, functions }) =>
        url.startsWith(SRC) && functions.some(({ ranges }) => ranges.some(({ count }) => count > 0)),
    )
    .map(({ url }) => url.slice(SRC.length))
    .sort()
  inspector.close()
  assert.ok(files.length > 5 && files.length <= FILES_MAX, `${files.length} files:\n${files.join('\n')}`)
})
