import assert from 'node:assert/strict'
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { create, fromBinary, toBinary } from '@bufbuild/protobuf'
import grpc from '@grpc/grpc-js'
import type Docker from 'dockerode'
import {
  ResolveBooleanRequestSchema,
  ResolveBooleanResponseSchema,
} from '../../src/grpc/gen/flagd/evaluation/v1/evaluation_pb.js'
import { startCollector } from '../support/collector.ts'
import { readEvents } from '../support/events.ts'
import { testDatabase } from '../support/postgres.ts'
import { startRedis } from '../support/redis.ts'
import { evaluate, request } from '../support/replicas.ts'
import { startUpstash } from '../support/upstash.ts'
import { imageOf } from './build.ts'
import { type Check, runToEnd, type Started, startContainer } from './container.ts'

const { version } = JSON.parse(readFileSync(join(import.meta.dirname, '../../package.json'), 'utf8'))
const SECRET = 'a-secret-of-at-least-24-characters'
const ENVIRONMENT = '/api/v1/projects/p/environments/e'
/** Long enough for copies in Redis to be compressed. */
const FLAG = {
  state: 'ENABLED',
  variants: { on: true, off: false },
  defaultVariant: 'on',
  metadata: { why: 'x'.repeat(2_000) },
}
const NOWHERE = 'postgres://nobody@127.0.0.1:1/none'
const RESOLVE = '/flagd.evaluation.v1.Service/ResolveBoolean'

/** Checks of the running image with a real Postgres and Redis; they use every part that is loaded on demand. */
export async function checkService(docker: Docker, { name }: { name: string }, check: Check) {
  const image = imageOf(name)
  const database = await testDatabase()
  const redis = await startRedis()
  const upstash = await startUpstash(redis.url)
  const collector = await startCollector()
  const env = {
    DATABASE_URL: database.url,
    REDIS_URL: redis.url,
    FLAGSTAFF_ADMIN_KEY: SECRET,
    FRESHNESS_MS: '10',
    TRUTH_CHECK_MS: '10',
    FLAGSTAFF_ACCESS_LOG: 'none',
    OTEL_EXPORTER_OTLP_ENDPOINT: collector.endpoint,
    OTEL_LOGS_EXPORTER: 'otlp',
    OTEL_METRICS_EXPORTER: 'otlp',
  }
  const admin = (...command: string[]) => runToEnd(docker, image, ['admin', ...command], env)
  let service: Started | undefined
  let key = ''
  const running = () => {
    assert.ok(service, 'the service runs')
    return service
  }

  await check(`${name}: "admin migrate" brings the schema up to date, and finds it so`, async () => {
    for (let times = 0; times < 2; times++)
      assert.deepEqual(await admin('migrate'), { code: 0, output: 'The schema is up to date\n' })
  })
  await check(`${name}: starts and is ready`, async () => {
    service = await startContainer(docker, image, env)
    return `${service.readyMs} ms from start to ready, as the engine has it`
  })
  await check(`${name}: is process 1, no other, and has no right at all`, async () => {
    const { State } = await running().container.inspect()
    const status = readFileSync(`/proc/${State.Pid}/status`, 'utf8')
    for (const line of [
      'Uid:\t65532',
      'Gid:\t65532',
      'CapEff:\t0000000000000000',
      'CapBnd:\t0000000000000000',
      'NoNewPrivs:\t1',
    ])
      assert.ok(status.includes(`\n${line}`), `${line} in ${status}`)
    assert.match(status, /\nNSpid:\t\d+\t1\n/)
    assert.equal(readFileSync(`/proc/${State.Pid}/task/${State.Pid}/children`, 'utf8'), '')
  })
  await check(`${name}: takes a flag and describes its API`, async () => {
    const { address } = running()
    const send = (method: string, path: string, body?: object) =>
      request(address, SECRET, { method, path, ...(body && { body }) })
    assert.equal((await send('POST', '/api/v1/projects', { key: 'p' })).status, 201)
    assert.equal((await send('POST', '/api/v1/projects/p/environments', { key: 'e' })).status, 201)
    assert.equal((await send('PUT', `${ENVIRONMENT}/flags/a`, FLAG)).status, 200)
    assert.equal((await send('GET', '/openapi.json')).body.openapi, '3.1.0')
    assert.match(await (await fetch(`${address}/docs`)).text(), /openapi\.json/)
  })
  await check(
    `${name}: "admin key" makes a key by which flags are evaluated over OFREP, Connect and gRPC`,
    async () => {
      const { code, output } = await admin('key', 'client', 'web', '--environment', 'p/e')
      assert.equal(code, 0, output)
      key = output.trim()
      const { address, grpcPort } = running()
      assert.equal(await evaluate(address, key), true)
      assert.equal(
        (await request(address, key, { method: 'POST', path: RESOLVE, body: { flagKey: 'a' } })).body.value,
        true,
      )
      assert.equal(await resolve(grpcPort, key), true)
      // Bun serves gRPC only at a separate port.
      if (name === 'node') assert.equal(await resolve(Number(new URL(address).port), key), true)
    },
  )
  await check(`${name}: serves the console, with its scripts as they were compressed at build`, async () => {
    const page = await (await fetch(`${running().address}/console/`)).text()
    const [, script] = /<script type="module" src="([^"]+)"/.exec(page) ?? []
    const { status, headers } = await fetch(`${running().address}${script}`, { headers: { 'accept-encoding': 'br' } })
    assert.deepEqual([status, headers.get('content-encoding')], [200, 'br'])
  })
  await check(`${name}: has metrics with its version and runtime`, async () => {
    const text = await (await fetch(`${running().address}/metrics`)).text()
    assert.match(text, new RegExp(`^flagstaff_build_info{version="${version}",runtime="${name}",`, 'm'))
  })
  await check(`${name}: wrote nothing to its file system`, async () => {
    const { State } = await running().container.inspect()
    for (const folder of ['tmp', 'var/tmp']) assert.deepEqual(readdirSync(`/proc/${State.Pid}/root/${folder}`), [])
    return `${Math.round(residentBytes(State.Pid) / 1e6)} MB resident`
  })
  await check(`${name}: stops with 0 while an event stream is open, and logs it in JSON`, async () => {
    const { address, stop } = running()
    const { body } = await request(address, key, { method: 'POST', path: '/ofrep/v1/evaluate/flags', body: {} })
    const events = readEvents((await fetch(`${address}${body.eventStreams[0].endpoint.requestUri}`)).body)
    await events.next('retry')
    const { code, output } = await stop()
    assert.equal(code, 0, output)
    const lines = output
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line))
    assert.deepEqual(
      lines.map(({ message }) => message),
      ['Listening', 'Stopping', 'Stopped'],
    )
    assert.equal(lines[1].signal, 'SIGTERM')
  })
  await check(`${name}: has sent what it noted to the collector`, async () => {
    const names = new Set(collector.spans.map(({ name }) => name))
    for (const name of ['PUT /api/v1/projects/:project/environments/:environment/flags/:key', 'postgresql write'])
      assert.ok(names.has(name), name)
    assert.ok(collector.records.some(({ eventName }) => eventName === 'feature_flag.evaluation'))
    assert.ok(collector.points.some(({ name }) => name === 'flagstaff_evaluations_total'))
  })
  for (const [what, copies] of Object.entries({
    Redis: { REDIS_URL: redis.url },
    'Upstash’s REST': { UPSTASH_REDIS_REST_URL: upstash.restUrl, UPSTASH_REDIS_REST_TOKEN: upstash.restToken },
  }))
    await check(`${name}: answers from the copies in ${what} while Postgres is away`, async () => {
      const cold = await startContainer(docker, image, { DATABASE_URL: NOWHERE, ...copies })
      assert.equal(await evaluate(cold.address, key), true)
      assert.equal((await cold.stop()).code, 0)
    })
  await collector.close()
  await upstash.close()
  await redis.kill()
  await database.drop()
}

/** Over gRPC, as flagd's providers do. */
async function resolve(port: number, key: string): Promise<boolean> {
  const client = new grpc.Client(`127.0.0.1:${port}`, grpc.credentials.createInsecure())
  const metadata = new grpc.Metadata()
  metadata.set('authorization', `Bearer ${key}`)
  const { promise, resolve, reject } = Promise.withResolvers<boolean>()
  client.makeUnaryRequest(
    RESOLVE,
    (message) => Buffer.from(toBinary(ResolveBooleanRequestSchema, message)),
    (bytes) => fromBinary(ResolveBooleanResponseSchema, bytes),
    create(ResolveBooleanRequestSchema, { flagKey: 'a' }),
    metadata,
    (error, answer) => (answer ? resolve(answer.value) : reject(error)),
  )
  return promise.finally(() => client.close())
}

function residentBytes(pid: number): number {
  const [, kilobytes] = /^VmRSS:\s+(\d+) kB$/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8')) ?? []
  return Number(kilobytes) * 1_024
}
