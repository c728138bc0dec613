import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { HAS_PROMTOOL, lint, samplesIn } from '../support/metrics.ts'
import { ADMIN_KEY, openService, type Service } from '../support/service.ts'

const SINGLE = '/ofrep/v1/evaluate/flags'
const LIVE = '/api/v1/projects/shop/environments/live'
const OPEN_METRICS = 'application/openmetrics-text;version=1.0.0,text/plain;version=0.0.4;q=0.5,*/*;q=0.1'
const flag = { state: 'ENABLED', variants: { on: true, off: false }, defaultVariant: 'on' }

let service: Service
before(async () => {
  // The clock is fixed, so that a replica checks for changes only when a test advances it.
  service = await openService({ now: () => 0 })
  const ruled = { ...flag, targeting: { var: 'wanted' } }
  await call('POST', '/api/v1/projects', { body: { key: 'shop' } })
  await call('POST', '/api/v1/projects/shop/environments', { body: { key: 'live' } })
  const flags = { plain: flag, ruled, sleeping: { ...flag, state: 'DISABLED' } }
  assert.equal((await call('PUT', `${LIVE}/flagset`, { body: { flags } })).status, 200)
})
after(() => service.close())

const call: Service['call'] = (...given) => service.call(...given)
const evaluate = (key: string, context: object = {}, headers: Record<string, string> = {}) =>
  call('POST', `${SINGLE}/${key}`, {
    body: { context },
    headers: { 'flagd-selector': 'flagSetId=shop/live', ...headers },
  })
const scrape = async (headers: Record<string, string> = {}) => {
  const { status, text, headers: got } = await call('GET', '/metrics', { key: null, headers })
  assert.equal(status, 200)
  return { text, type: got.get('content-type'), samples: samplesIn(text) }
}
/** The change of each sample by `work`. */
const growth = async (work: () => Promise<unknown>): Promise<(sample: string) => number | undefined> => {
  const { samples: before } = await scrape()
  await work()
  const { samples } = await scrape()
  return (sample) => {
    const value = samples.get(sample)
    return value === undefined ? undefined : value - (before.get(sample) ?? 0)
  }
}

test('requests are counted by method, route pattern and status', async () => {
  const count = (labels: string) => `http_request_duration_seconds_count{${labels}}`
  const grown = await growth(async () => {
    await evaluate('plain')
    await evaluate('ruled')
    await evaluate('invented')
    await call('POST', `${SINGLE}/plain`, { key: 'wrong', body: {} })
    await call('POST', SINGLE, { body: {}, headers: { 'flagd-selector': 'flagSetId=shop/live' } })
    await call('GET', `${SINGLE}/plain`)
    await call('OPTIONS', `${SINGLE}/plain`)
    await call('GET', `${LIVE}/flags/plain`)
    await call('GET', `${LIVE}/flags/other`)
    await service.fetch(new Request('http://localhost/livez', { method: 'HEAD' }))
    await call('GET', '/nowhere')
  })
  const single = `route="${SINGLE}/:key"`
  assert.equal(grown(count(`method="POST",${single},status="200"`)), 2)
  assert.equal(grown(count(`method="POST",${single},status="404"`)), 1)
  assert.equal(grown(count(`method="POST",${single},status="401"`)), 1)
  assert.equal(grown(count(`method="POST",route="${SINGLE}",status="200"`)), 1)
  assert.equal(grown(count(`method="GET",${single},status="405"`)), 1)
  assert.equal(grown(count(`method="OPTIONS",${single},status="204"`)), 1)
  const definition = 'route="/api/v1/projects/:project/environments/:environment/flags/:key"'
  assert.equal(grown(count(`method="GET",${definition},status="200"`)), 1)
  assert.equal(grown(count(`method="GET",${definition},status="404"`)), 1)
  assert.equal(grown(count('method="HEAD",route="/livez",status="200"')), 1)
  assert.equal(grown(count('method="GET",route="/*",status="404"')), 1)
  assert.equal(grown(count('method="GET",route="/metrics",status="200"')), 1)
  const bucket = (le: string) =>
    grown(`http_request_duration_seconds_bucket{method="POST",${single},status="200",le="${le}"}`) ?? 0
  assert.equal(bucket('+Inf'), 2)
  assert.ok(bucket('0.0001') <= bucket('0.01') && bucket('0.01') <= bucket('2.5') && bucket('2.5') <= 2)
  assert.ok((grown(`http_request_duration_seconds_sum{method="POST",${single},status="200"}`) ?? 0) > 0)
})

test('evaluations are counted by environment, reason and error code: single, bulk, and of flags that do not exist', async () => {
  const grown = await growth(async () => {
    await evaluate('plain')
    await evaluate('ruled', { wanted: 'off' })
    await evaluate('ruled', { wanted: 'none' })
    await evaluate('invented')
    await evaluate('sleeping')
    await call('POST', SINGLE, { body: {}, headers: { 'flagd-selector': 'flagSetId=shop/live' } })
  })
  const of = (reason: string, code = '') =>
    grown(`flagstaff_evaluations_total{environment="shop/live",reason="${reason}",error_code="${code}"}`)
  assert.deepEqual([of('STATIC'), of('TARGETING_MATCH'), of('DEFAULT'), of('DISABLED')], [2, 1, 1, 2])
  assert.deepEqual(
    [of('ERROR', 'GENERAL'), of('ERROR', 'FLAG_NOT_FOUND'), of('ERROR', 'PARSE_ERROR'), of('ERROR', 'TYPE_MISMATCH')],
    [1, 1, 0, 0],
  )
})

test('a snapshot shows its revision, its age and the source of the last confirmation', async () => {
  await evaluate('plain')
  const { revision } = await service.snapshots.current('shop/live')
  const { samples } = await scrape()
  assert.equal(samples.get('flagstaff_snapshot_revision{environment="shop/live"}'), Number(revision))
  assert.equal(samples.get('flagstaff_snapshot_source{environment="shop/live",source="postgres"}'), 1)
  assert.equal(samples.get('flagstaff_snapshot_age_seconds{environment="shop/live"}'), 0)
  await call('PUT', `${LIVE}/flags/plain`, { body: { ...flag, metadata: { at: 'next' } } })
  const { samples: next } = await scrape()
  assert.equal(next.get('flagstaff_snapshot_revision{environment="shop/live"}'), Number(revision) + 1)
})

test('an open stream is a gauge, an ended one is counted by reason', async () => {
  const open = async () => (await scrape()).samples.get('flagstaff_streams{door="ofrep"}')
  const bulk = await call('POST', SINGLE, { body: {}, headers: { 'flagd-selector': 'flagSetId=shop/live' } })
  const { requestUri } = bulk.body.eventStreams[0].endpoint
  const response = await service.fetch(new Request(`http://localhost${requestUri}`))
  assert.equal(await open(), 1)
  assert.equal((await scrape()).samples.get('flagstaff_invalidations_subscribed'), 1)
  await response.body?.cancel()
  assert.equal(await open(), 0)
  assert.equal((await scrape()).samples.get('flagstaff_ofrep_streams_ended_total{reason="client"}'), 1)
})

test('made-up values of clients create no series', async () => {
  const flood = async (round: string) => {
    for (let n = 0; n < 25; n += 1) {
      const made = `${round}-${n}`
      await evaluate(made)
      await evaluate('plain', { targetingKey: made }, { traceparent: `00-${'0'.repeat(31)}${n % 9}-made-up-01` })
      await call('POST', `${SINGLE}/plain`, { key: made, body: {} })
      await call('POST', `${SINGLE}/plain`, { body: {}, headers: { 'flagd-selector': `flagSetId=${made}/${made}` } })
      await call('GET', `/${made}?${made}=${made}`)
      await call(`PROP${made.replace(/\W/g, '').toUpperCase()}`, `/${made}`)
      await call('GET', `/api/v1/projects/${made}`)
      await call('GET', `/api/v1/${made}`)
      await call('GET', `/ofrep/v1/sse/${made}?token=${made}`)
      await call('POST', `/flagd.evaluation.v1.Service/${made}`, { body: {} })
      await call('POST', `/${made}.Service/ResolveBoolean`, { body: {} })
      await call('POST', '/flagd.evaluation.v1.Service/ResolveBoolean', { body: { flagKey: made } })
    }
  }
  await flood('first')
  const names = async () => [...(await scrape()).samples.keys()]
  const before = await names()
  await flood('second')
  assert.deepEqual(
    (await names()).filter((name) => !before.includes(name)),
    [],
  )
  assert.equal(before.filter((name) => /first|made-up/.test(name)).length, 0)
})

test('unknown methods are counted under one label', async () => {
  const grown = await growth(async () => {
    await call('PROPFIND', '/nowhere')
    await call('PURGE', '/nowhere')
  })
  assert.equal(grown('http_request_duration_seconds_count{method="_OTHER",route="/*",status="404"}'), 2)
})

test('OpenMetrics is returned on request, with exemplars of sampled traces', async () => {
  const traceId = '0af7651916cd43dd8448eb211c80319c'
  const dropped = 'ffffffffffffffffffffffffffffffff'
  await evaluate('plain', {}, { traceparent: `00-${traceId}-b7ad6b7169203331-01` })
  await evaluate('ruled', {}, { traceparent: `00-${dropped}-b7ad6b7169203331-00` })
  await call('GET', '/livez', { headers: { traceparent: `00-${traceId}-b7ad6b7169203331-03` } })
  const { text, type, samples } = await scrape({ accept: OPEN_METRICS })
  assert.equal(type, 'application/openmetrics-text; version=1.0.0; charset=utf-8')
  assert.ok(text.endsWith('\n# EOF\n'))
  assert.match(text, /^# TYPE flagstaff_evaluations counter$/m)
  assert.ok(samples.has('flagstaff_invalidations_received_total'))
  for (const route of [`${SINGLE}/:key`, '/livez']) {
    const lines = text.split('\n').filter((line) => line.includes(`route="${route}"`) && line.includes(' # '))
    assert.equal(lines.length, 1, text)
    assert.match(lines[0] ?? '', new RegExp(` \\d+ # \\{trace_id="${traceId}"\\} [\\d.e-]+ \\d{10}(\\.\\d+)?$`))
  }
  assert.ok(!text.includes(dropped))
})

test('an OpenMetrics response does not change the text of the next', async () => {
  const lines = ({ text }: { text: string }) => text.split('\n').filter((line) => /^# (HELP|TYPE)/.test(line))
  const before = lines(await scrape())
  await scrape({ accept: OPEN_METRICS })
  const after = await scrape({ accept: 'text/plain' })
  assert.equal(after.type, 'text/plain; version=0.0.4; charset=utf-8')
  assert.deepEqual(lines(after), before)
  assert.ok(!after.text.includes(' # {'))
})

test('names and units follow the conventions of Prometheus', {
  skip: HAS_PROMTOOL ? false : 'there is no promtool on this machine',
}, async () => {
  await evaluate('plain')
  assert.equal(await lint((await scrape()).text), '')
  assert.match(await lint('flagstaff_things 1\n'), /no help text/)
})

test('the process and its build are shown', async () => {
  const { samples } = await scrape()
  const { bun, node } = process.versions
  const build = `version="0.1.0",runtime="${bun ? 'bun' : 'node'}",runtime_version="${bun ?? node}"`
  assert.equal(samples.get(`flagstaff_build_info{${build}}`), 1)
  for (const name of ['process_cpu_seconds_total', 'process_resident_memory_bytes', 'nodejs_heap_size_used_bytes'])
    assert.ok((samples.get(name) ?? 0) > 0, name)
  assert.equal(samples.get('process_start_time_seconds'), performance.timeOrigin / 1_000)
  assert.ok((samples.get('nodejs_eventloop_lag_seconds') ?? -1) >= 0)
  assert.equal(samples.get('flagstaff_postgres_connections_max'), 5)
  assert.equal(samples.get('flagstaff_postgres_work{state="waiting"}'), 0)
})

test('metrics contain no secret and no flag', async () => {
  const { text } = await scrape()
  assert.ok(!text.includes(ADMIN_KEY))
  assert.ok(!/plain|ruled|sleeping/.test(text.replaceAll('text/plain', '')))
})

test('without metrics the route is 404', async () => {
  const without = await openService({ store: service.store, dependencies: { metrics: undefined } })
  assert.equal((await without.call('GET', '/metrics')).status, 404)
  const answer = await without.call('POST', `${SINGLE}/plain`, {
    body: {},
    headers: { 'flagd-selector': 'flagSetId=shop/live' },
  })
  assert.equal(answer.status, 200)
})
