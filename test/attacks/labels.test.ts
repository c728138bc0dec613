import assert from 'node:assert/strict'
import { once } from 'node:events'
import http2 from 'node:http2'
import { after, before, test } from 'node:test'
import { frame, H2Client } from '../support/h2.ts'
import { type Listening, openListening } from '../support/listening.ts'
import { samplesIn } from '../support/metrics.ts'
import { RawH1 } from '../support/raw-h1.ts'
import { ADMIN_KEY } from '../support/service.ts'

// A label of a metric with a value that clients choose makes a series for each value (CWE-770). test/routes/metrics.test.ts has it in process.

let it: Listening
let clientKey = ''
before(async () => {
  it = await openListening()
  ;({ clientKey } = await it.environment('shop'))
})
after(() => it.close())

const HEADERS = [
  ...['Host', 'Origin', 'User-Agent', 'Content-Type', 'Flagd-Selector', 'Accept', 'Traceparent', 'X-Forwarded-Host'],
  ...['Last-Event-ID', 'If-None-Match', 'Content-Encoding', 'Cookie', 'X-API-Key'],
]
const METHODS = ['ResolveBoolean', 'ResolveAll', 'EventStream']

/** Other metrics, such as those of the stores, change with time. */
const OF_REQUESTS = /^(?:http|rpc|flagstaff_(?:evaluations|streams|ofrep))/

async function names(): Promise<string[]> {
  return [...samplesIn(await (await fetch(`${it.address}/metrics`)).text()).keys()]
}

/** Requests over all wires in which each value that a client can choose is a new one. */
async function flood(round: string, size: number): Promise<void> {
  const http1 = await RawH1.connect(it.server.port)
  const grpc = new H2Client(`http://127.0.0.1:${it.grpcPort}`)
  const session = http2.connect(`http://127.0.0.1:${it.grpcPort}`)
  for (let n = 0; n < size; n += 1) {
    const made = `${round}${n}`
    const one = (method: string, path: string, header = '') =>
      http1.send(
        `${method} ${path} HTTP/1.1\r\n${header.startsWith('Host') ? '' : 'Host: a\r\n'}X-API-Key: ${clientKey}\r\n${header}Content-Length: 2\r\n\r\n{}`,
      )
    for (const path of [
      '',
      'ofrep/v1/',
      'api/v1/',
      'console/',
      'console/assets/',
      'v1/flags/',
      'flagd.sync.v1.',
      'ofrep/v1/evaluate/flags/',
    ])
      for (const method of ['GET', 'POST', 'PUT']) await one(method, `/${path}${made}?${made}=${made}`)
    for (const name of HEADERS) await one('POST', '/ofrep/v1/evaluate/flags', `${name}: ${made}\r\n`)
    for (const method of METHODS) {
      await grpc.send({ ':path': `/${made}/${method}`, 'x-api-key': clientKey }, [frame(new Uint8Array())])
      await grpc.send({ ':path': `/flagd.evaluation.v1.Service/${made}`, 'x-api-key': clientKey }, [
        frame(new Uint8Array()),
      ])
      const more = {
        'grpc-timeout': `${n + 1}m`,
        'grpc-encoding': made,
        'user-agent': made,
        'flagd-selector': `source=${made}`,
      }
      await grpc.send({ ':path': `/flagd.evaluation.v1.Service/${method}`, 'x-api-key': clientKey, ...more }, [
        frame(Buffer.from(made)),
      ])
    }
    const custom = session.request({
      ':method': made.toUpperCase(),
      ':path': `/${made}`,
      ':authority': made,
      'x-api-key': ADMIN_KEY,
    })
    custom.resume().end()
    await once(custom, 'close')
  }
  http1.close()
  grpc.close()
  session.destroy()
}

test('over every wire, values that clients choose create no series', async () => {
  await names() // counts itself
  await flood('alpha', 2)
  const before = await names()
  await flood('omega', 12)
  const now = await names()
  assert.deepEqual(
    now.filter((name) => OF_REQUESTS.test(name) && !before.includes(name)),
    [],
  )
  assert.deepEqual(
    now.filter((name) => /alpha|omega/i.test(name)),
    [],
  )
  assert.ok(now.length < 2_500, `${now.length} series`)
})
