import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { consoleFolder } from '../support/console-folder.ts'
import { H2Client } from '../support/h2.ts'
import { type Listening, openListening } from '../support/listening.ts'
import { RawH1 } from '../support/raw-h1.ts'
import { ADMIN_KEY } from '../support/service.ts'

// A proxy in front lets only some paths through, or the service checks a path: no spelling of another path passes (CWE-22, CWE-436).

const PLANTED = 'planted-in-a-definition'
const built = consoleFolder()
let it: Listening
let clientKey = ''
before(async () => {
  it = await openListening({ dependencies: { console: { publicPath: '', folder: built.folder } } })
  ;({ clientKey } = await it.environment('shop'))
  const flag = {
    state: 'ENABLED',
    variants: { on: true, off: false },
    defaultVariant: 'on',
    targeting: { var: PLANTED },
  }
  await it.service.call('PUT', `${TEST}/flags/a`, { body: flag })
})
after(async () => {
  await it.close()
  built.remove()
})

const TEST = '/api/v1/projects/shop/environments/test'
/** Each contains what no client key may read. */
const PROTECTED = [
  `${TEST}/flagset`,
  `${TEST}/flags/a`,
  '/api/v1/projects',
  '/api/v1/keys',
  '/v1/flags',
  '/console/session',
]
/** Paths that a proxy may let through. */
const OPEN = ['/ofrep', '/ofrep/v1/evaluate/flags', '/livez', '/console/assets', '/flagd.evaluation.v1.Service']
const UP = [
  ...[
    '..',
    '%2e%2e',
    '%2E.',
    '.%2e',
    '..;',
    '..;a=b',
    '..%00',
    '..%20',
    '%252e%252e',
    '%c0%ae%c0%ae',
    '..%5c',
    '%u002e.',
  ],
  ...['....', '..%09', '..%2f', '%2e%2e%2f', '..\\', '%2e%2e%5c', '．．', '..%23', '..?', '..#', '.', '%2e', ''],
]

/** Targets that begin with an open path. */
const behindProxy: string[] = OPEN.flatMap((open) =>
  PROTECTED.flatMap((path) => {
    const ups = (up: string) => `/${up}`.repeat(open.split('/').length - 1)
    const inBackslashes = path.replaceAll('/', '\\')
    return [
      ...UP.map((up) => `${open}${ups(up)}${path}`),
      `${open}${ups('..')}${inBackslashes}`,
      `${open}${inBackslashes}`,
      `${open}\\..${inBackslashes}`,
      `${open}%2f..${path.replaceAll('/', '%2f')}`,
      `${open}/%2f${path.slice(1)}`,
      `${open}//${path}`,
      `${open}?/..${path}`,
      `${open}#/..${path}`,
    ]
  }),
)

/** Other spellings of the protected paths. */
const spelled: string[] = PROTECTED.flatMap((path) => {
  const [, first = '', ...rest] = path.split('/')
  const others = rest.length > 0 ? `/${rest.join('/')}` : ''
  return [
    `/${path}`,
    `/.${path}`,
    `/;${path}`,
    `/%2f${path.slice(1)}`,
    `${path}/`,
    `${path}//`,
    `${path}/.`,
    `${path}/..`,
    `${path}%00`,
    `${path}%20`,
    `${path}%2e`,
    `${path};a`,
    `${path}.json`,
    `${path}?`,
    `${path}#`,
    `${path}?key=${ADMIN_KEY}`,
    `/${first.toUpperCase()}${others}`,
    `/${first}${others.toUpperCase()}`,
    `/%${first.charCodeAt(0).toString(16)}${first.slice(1)}${others}`,
    `/%25${first.charCodeAt(0).toString(16)}${first.slice(1)}${others}`,
    `/${first}${others.replaceAll('/', '%2f')}`,
    `/${first}${others.replaceAll('/', '%252f')}`,
    `/${first}${others.replaceAll('/', '\\')}`,
    `/${first}${others.replaceAll('/', '//')}`,
    `/${first}${others.replaceAll('/', '/./')}`,
    `http://a${path}`,
    `http://a/ofrep/..${path}`,
    `http://a:1@b${path}`,
    `https://a${path}`,
  ]
})

type Send = (target: string, key: string | undefined, method?: string) => Promise<{ status: number; body: string }>

const overHttp1: Send = async (target, key, method = 'GET') => {
  const connection = await RawH1.connect(it.server.port)
  const credentials = key === undefined ? '' : `X-API-Key: ${key}\r\nFlagd-Selector: flagSetId=shop/test\r\n`
  const length = method === 'GET' ? '' : 'Content-Type: application/json\r\nContent-Length: 2\r\n'
  const head = `${method} ${target} HTTP/1.1\r\nHost: a\r\n${credentials}${length}\r\n${length && '{}'}`
  try {
    return await connection.send(head)
  } catch {
    return { status: 400, body: '' } // closed without a response, as Bun does for what it cannot parse
  } finally {
    connection.close()
  }
}

const overHttp2: Send = async (target, key, method = 'GET') => {
  const client = new H2Client(`http://127.0.0.1:${it.grpcPort}`)
  const credentials = key === undefined ? {} : { 'x-api-key': key, 'flagd-selector': 'flagSetId=shop/test' }
  const head = { ':method': method, ':path': target, 'content-type': 'application/json', ...credentials }
  try {
    const { headers, body } = await client.send(head, method === 'GET' ? [] : [Buffer.from('{}')])
    return { status: Number(headers[':status']), body: body.toString() }
  } catch {
    return { status: 400, body: '' } // a stream error
  } finally {
    client.close()
  }
}

const isRead = ({ status, body }: { status: number; body: string }): boolean =>
  body.includes(PLANTED) || (status < 300 && /"items"|"role"/.test(body))

for (const [what, send] of [
  ['HTTP/1.1', overHttp1],
  ['HTTP/2', overHttp2],
] as const) {
  test(`over ${what} no path that begins with an open one reaches a protected one, whatever key is sent`, async () => {
    for (const target of behindProxy)
      if (/^[\x21-\x7e]+$/.test(target) || what === 'HTTP/2') {
        const answer = await send(target, ADMIN_KEY)
        assert.ok(!isRead(answer), `${target}: ${answer.status} ${answer.body.slice(0, 200)}`)
        assert.ok(answer.status < 500, `${target}: ${answer.status}`)
      }
  })

  test(`over ${what} no spelling of a protected path is served without a key, or to a client key`, async () => {
    for (const target of spelled)
      for (const key of [undefined, clientKey]) {
        const answer = await send(target, key)
        assert.ok(!isRead(answer), `${target}: ${answer.status} ${answer.body.slice(0, 200)}`)
        assert.ok(answer.status < 500, `${target}: ${answer.status}`)
      }
  })

  test(`over ${what} no method or override of a method writes with a client key`, async () => {
    for (const method of ['PUT', 'PATCH', 'POST', 'DELETE', 'put', 'PROPPATCH'])
      for (const path of [
        `${TEST}/flags/a`,
        `${TEST}/flags/a?_method=DELETE`,
        `/ofrep/v1/evaluate/flags/a/../../${TEST}`,
      ]) {
        const { status } = await send(path, clientKey, method)
        assert.ok(status >= 400, `${method} ${path}: ${status}`)
      }
    const { body } = await it.service.call('GET', `${TEST}/flags/a`)
    assert.equal(body.state, 'ENABLED')
  })

  test(`over ${what} the protected paths are read with a key that may`, async () => {
    for (const path of PROTECTED) assert.ok(isRead(await send(path, ADMIN_KEY)), path)
  })
}
