import assert from 'node:assert/strict'
import { once } from 'node:events'
import { createServer } from 'node:net'
import { after, before, test } from 'node:test'
import { kill, type Running, runProgram, startService } from '../support/process.ts'
import { openStore, type Store } from '../support/store.ts'

let store: Store
before(async () => {
  store = await openStore()
})
after(() => store.close())

const metricsPortOf = (service: Running) => Number(/"metricsPort":(\d+)/.exec(service.output())?.[1])

test('METRICS_PORT serves /metrics on its own listener, until the process ends, and the public port answers 404', async () => {
  const service = await startService({
    DATABASE_URL: store.url,
    METRICS_PORT: '0',
    DRAIN_SECONDS: '4',
    DRAIN_DELAY_SECONDS: '1',
  })
  try {
    const at = `http://127.0.0.1:${metricsPortOf(service)}`
    assert.equal((await fetch(`${service.address}/metrics`)).status, 404)
    assert.equal((await fetch(`${service.address}/livez`)).status, 200)
    const scrape = await fetch(`${at}/metrics`)
    assert.equal(scrape.status, 200)
    assert.match(await scrape.text(), /http_request_duration_seconds_count\{.*route="\/livez"|process_cpu_/)
    assert.equal((await fetch(`${at}/livez`)).status, 200)
    assert.equal((await fetch(`${at}/api/v1/projects`)).status, 404)
    service.child.kill('SIGTERM')
    await service.says(/"message":"Stopping"/)
    assert.equal((await fetch(`${at}/metrics`)).status, 200, 'scraped while the service drains')
    assert.deepEqual(await service.ended, { code: 0, signal: null }, service.output())
  } finally {
    await kill(service)
  }
})

test('a METRICS_PORT that is in use, or equal to PORT, is one line and exit code 1', async () => {
  const taken = createServer().listen(0, '127.0.0.1')
  await once(taken, 'listening')
  const { port } = taken.address() as { port: number }
  for (const [env, line] of [
    [{ PORT: '0', METRICS_PORT: String(port) }, `port ${port} on 127.0.0.1 is in use; set METRICS_PORT to another`],
    [{ PORT: '18080', METRICS_PORT: '18080' }, 'METRICS_PORT: expected another port than PORT and GRPC_PORT'],
  ] as const) {
    const program = runProgram('src/main.ts', { DATABASE_URL: store.url, HOST: '127.0.0.1', ...env })
    assert.equal((await program.ended).code, 1)
    assert.ok(program.output().includes(line), program.output())
  }
  taken.close()
})
