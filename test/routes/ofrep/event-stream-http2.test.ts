import assert from 'node:assert/strict'
import { once } from 'node:events'
import http2 from 'node:http2'
import { Readable } from 'node:stream'
import { test } from 'node:test'
import { getRequestListener } from '@hono/node-server'
import { readEvents } from '../../support/events.ts'
import { openService } from '../../support/service.ts'

const FLAG = '/api/v1/projects/p/environments/e/flags/a'
const on = { state: 'ENABLED', variants: { on: true, off: false }, defaultVariant: 'on' }

test('an event stream works over HTTP/2, which forbids connection headers', async () => {
  const service = await openService({ streams: {} })
  await service.call('POST', '/api/v1/projects', { body: { key: 'p' } })
  await service.call('POST', '/api/v1/projects/p/environments', { body: { key: 'e' } })
  await service.call('PUT', FLAG, { body: on })
  const server = http2.createServer(
    getRequestListener(async (request) => service.fetch(request), { overrideGlobalObjects: false }),
  )
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const address = server.address()
  const session = http2.connect(`http://127.0.0.1:${typeof address === 'object' ? address?.port : 0}`)
  const headers = { 'flagd-selector': 'flagSetId=p/e' }
  const { body } = await service.call('POST', '/ofrep/v1/evaluate/flags', { body: {}, headers })
  const stream = session.request({ ':path': body.eventStreams[0].endpoint.requestUri, accept: 'text/event-stream' })
  const [answer] = await once(stream, 'response')
  assert.equal(answer[':status'], 200)
  assert.equal(answer['content-type'], 'text/event-stream')
  const events = readEvents(Readable.toWeb(stream) as ReadableStream<Uint8Array>)
  await events.next('retry')
  await service.call('PUT', FLAG, { body: { ...on, defaultVariant: 'off' } })
  const event = await events.next('data')
  assert.equal(JSON.parse(event?.['data'] ?? '').type, 'refetchEvaluation')
  stream.close(http2.constants.NGHTTP2_CANCEL)
  session.destroy()
  server.close()
  await service.close()
})
