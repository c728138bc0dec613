import assert from 'node:assert/strict'
import { create, toBinary } from '@bufbuild/protobuf'
import { ResolveBooleanRequestSchema } from '../../src/grpc/gen/flagd/evaluation/v2/evaluation_pb.js'
import { Generator, SEGMENTS } from '../differential/generate.ts'
import { frame, H2Client } from '../support/h2.ts'
import { kill, type Running, type Runtime, startService } from '../support/process.ts'
import type { Random } from '../support/random.ts'
import { request } from '../support/replicas.ts'
import { openStore } from '../support/store.ts'
import { type OpenApi, type Operation, operationsOf, valueFor } from './schema.ts'
import { assertProblem, type Target } from './target.ts'
import { anyJson, anyText, below, chance, mutated, mutatedBytes, oneOf, textOf } from './values.ts'

const ADMIN_KEY = 'admin-key-for-generated-input-0123456789'
const SHARES = { management: 0.012, ofrep: 0.012, grpc: 0.006 }
const AT_ONCE = 12
const ANSWER_MS = 20_000
/** Not written by generated requests. */
const KEPT = 'flagSetId=kept/test'

export type Wires = {
  readonly targets: readonly Target[]
  /** What the service did wrong, beside its responses: unexpected errors in its log, its end, memory. */
  faults(): Promise<readonly string[]>
  close(): Promise<void>
}

/** The service as a process of its own on `runtime`, with a real database, and targets that send to its sockets. */
export async function openWires(runtime: Runtime): Promise<Wires> {
  const store = await openStore()
  const env = {
    DATABASE_URL: store.url,
    FLAGSTAFF_ADMIN_KEY: ADMIN_KEY,
    FLAGSTAFF_ACCESS_LOG: 'none',
    REQUESTS_MAX: '0',
  }
  const service = await startService(env, { runtime })
  const write = async (method: string, path: string, body: object) => {
    const { status } = await request(service.address, ADMIN_KEY, { method, path: `/api/v1/${path}`, body })
    assert.ok(status < 300, `${method} ${path} ${status}`)
  }
  const ruled = {
    state: 'ENABLED',
    variants: { a: true, b: false },
    defaultVariant: 'a',
    targeting: { if: [{ $ref: 'staff' }, 'a', 'b'] },
  }
  for (const project of ['kept', 'fuzz']) {
    await write('POST', 'projects', { key: project })
    await write('POST', `projects/${project}/environments`, { key: 'test' })
    await write('PUT', `projects/${project}/environments/test/flagset`, {
      flags: { a: ruled, on: ruled },
      $evaluators: SEGMENTS,
    })
  }
  const { body } = await request(service.address, ADMIN_KEY, { method: 'GET', path: '/openapi.json' })
  const clients = new GrpcClients(service.grpcPort)
  const name = (what: string) => `${what}, ${runtime}`
  return {
    targets: [
      { name: name('management API'), share: SHARES.management, atOnce: AT_ONCE, run: managementRunner(service, body) },
      { name: name('OFREP over HTTP'), share: SHARES.ofrep, atOnce: AT_ONCE, run: ofrepRunner(service) },
      { name: name('gRPC over HTTP/2'), share: SHARES.grpc, atOnce: AT_ONCE, run: grpcRunner(clients) },
    ],
    faults: () => faultsOf(service),
    close: async () => {
      clients.close()
      await kill(service)
      await store.close()
    },
  }
}

async function faultsOf({ address, child, output }: Running): Promise<string[]> {
  if (child.exitCode !== null || child.signalCode !== null) return [`the service has ended: ${output().slice(-2_000)}`]
  const unexpected = output().match(/^.*"Unexpected error".*$/gm) ?? []
  const evaluation = {
    method: 'POST',
    path: '/ofrep/v1/evaluate/flags/a',
    body: {},
    headers: { 'flagd-selector': KEPT },
  }
  const { status, body } = await request(address, ADMIN_KEY, evaluation)
  const isRight = status === 200 && body.variant === 'b'
  return [...unexpected.slice(0, 3), ...(isRight ? [] : [`evaluates to ${status} ${JSON.stringify(body)}`])]
}

/** Postgres did not answer within its time limit, as on a busy machine; the figures show how often. */
const isBusy = (status: number, text: string): boolean => status === 503 && JSON.parse(text).code === 'unavailable'

/** Its mistakes are in the definition that the request leads to, not in its body. */
const isAboutStored = ({ method, path }: Operation): boolean => method === 'PATCH' || path.endsWith('/rollback')

/** Deletes what other requests need too often to be as frequent as they. */
const RARE = /^DELETE .*\}$/

function managementRunner({ address }: Running, document: OpenApi): Target['run'] {
  const operations = operationsOf(document).filter(({ path }) => !path.endsWith('/events'))
  return async (random, note) => {
    const operation = oneOf(random, operations)
    if (RARE.test(`${operation.method} ${operation.path}`) && chance(random, 0.8)) return 'left out'
    const path = pathOf(random, operation)
    const value = bodyOf(random, operation)
    const body = operation.body && textOf(random, value)
    note({ method: operation.method, path, body })
    const response = await fetch(address + path, {
      method: operation.method,
      headers: {
        authorization: `Bearer ${ADMIN_KEY}`,
        ...(body !== undefined && { 'content-type': chance(random, 0.97) ? 'application/json' : 'text/plain' }),
        ...(chance(random, 0.1) && { 'if-match': oneOf(random, ['*', '"1"', '"x"', 'W/"1"', '"']) }),
        ...(chance(random, 0.05) && { 'if-none-match': '*' }),
      },
      ...(body !== undefined && { body }),
      signal: AbortSignal.timeout(ANSWER_MS),
    })
    const text = await response.text()
    assert.ok(response.status < 500 || isBusy(response.status, text), `${response.status} ${text}`)
    const isSent = body !== undefined && body === JSON.stringify(value) && !isAboutStored(operation)
    if (response.status >= 400)
      assertProblem(
        response.status,
        response.headers.get('content-type'),
        text,
        isSent && !/The (?:path|query)/.test(text) ? JSON.parse(body) : undefined,
      )
    else if (text !== '') JSON.parse(text)
    return response.status
  }
}

function bodyOf(random: Random, { body }: Operation): unknown {
  if (!body) return undefined
  let value = chance(random, 0.95) ? valueFor(random, body) : anyJson(random)
  for (let times = chance(random, 0.5) ? below(random, 3) : 0; times > 0; times -= 1) value = mutated(random, value)
  return value
}

function pathOf(random: Random, { path, parameters }: Operation): string {
  const text = (name: string, schema = {}): string => {
    const value = chance(random, 0.9) ? valueFor(random, schema, name) : anyText(random)
    return encodeURIComponent((typeof value === 'string' ? value : JSON.stringify(value ?? '')).toWellFormed()) || 'a'
  }
  const of = (place: string) => parameters.filter((parameter) => parameter.in === place)
  const named = of('path').reduce(
    (at, { name, schema }) => at.replace(`{${name}}`, text(name, schema).slice(0, 900)),
    path,
  )
  const query = of('query')
    .filter(() => chance(random, 0.3))
    .map(({ name, schema }) => `${name}=${text(name, schema).slice(0, 1_500)}`)
  return `${named}${query.length > 0 ? `?${query.join('&')}` : ''}`
}

function ofrepRunner({ address }: Running): Target['run'] {
  return async (random, note) => {
    const context = chance(random, 0.7) ? new Generator(random).context() : anyJson(random)
    const body = textOf(random, chance(random, 0.9) ? { context } : mutated(random, { context }))
    const key = oneOf(random, [
      '',
      '/a',
      '/on',
      '/none',
      `/${encodeURIComponent(anyText(random).toWellFormed()).slice(0, 900)}`,
    ])
    note({ key, body })
    const response = await fetch(`${address}/ofrep/v1/evaluate/flags${key}`, {
      method: 'POST',
      headers: {
        'x-api-key': ADMIN_KEY,
        'flagd-selector': KEPT,
        'content-type': 'application/json',
        ...(chance(random, 0.2) && {
          'if-none-match': oneOf(random, ['*', '"a"', 'W/', '"', `"${'a'.repeat(5_000)}`]),
        }),
      },
      body,
      signal: AbortSignal.timeout(ANSWER_MS),
    })
    const text = await response.text()
    assert.ok([200, 304, 400, 404, 413].includes(response.status), `${response.status} ${text}`)
    if (response.status === 304) return 304
    const answer = JSON.parse(text)
    if (response.status !== 200) assert.ok(answer.errorCode && answer.errorDetails, text)
    else assert.ok(Array.isArray(answer.flags) || typeof answer.value === 'boolean', text)
    return response.status
  }
}

const PATHS = ['ResolveBoolean', 'ResolveString', 'ResolveObject', 'ResolveAll', 'Nothing'].flatMap((name) => [
  `/flagd.evaluation.v1.Service/${name}`,
  `/flagd.evaluation.v2.Service/${name}`,
  `/schema.v1.Service/${name}`,
])

const CLIENTS_MAX = 4

/** Connections that are opened when they are used: Bun's client sends nothing before, and the service ends silent ones. */
class GrpcClients {
  readonly #port: number
  readonly #clients: H2Client[] = []

  constructor(port: number) {
    this.#port = port
  }

  of(random: Random): H2Client {
    const place = below(random, CLIENTS_MAX)
    const client = this.#clients[place] ?? new H2Client(`http://127.0.0.1:${this.#port}`)
    this.#clients[place] = client
    return client
  }

  close(): void {
    for (const client of this.#clients) client?.close()
  }
}

function grpcRunner(clients: GrpcClients): Target['run'] {
  return async (random, note) => {
    const context = JSON.parse(JSON.stringify(new Generator(random).context()))
    const good = toBinary(
      ResolveBooleanRequestSchema,
      create(ResolveBooleanRequestSchema, { flagKey: oneOf(random, ['a', 'on', 'none']), context }),
    )
    const message = chance(random, 0.7) ? mutatedBytes(random, good) : good
    const bytes = chance(random, 0.8)
      ? frame(message, chance(random, 0.9) ? 0 : below(random, 256))
      : mutatedBytes(random, frame(message))
    const headers = {
      ':path': oneOf(random, PATHS),
      'x-api-key': ADMIN_KEY,
      'flagd-selector': KEPT,
      ...(chance(random, 0.1) && { 'grpc-timeout': oneOf(random, ['1n', '99999999H', '-1m', '1']) }),
      ...(chance(random, 0.1) && { 'grpc-encoding': oneOf(random, ['gzip', 'identity', 'br', '']) }),
    }
    const at = below(random, bytes.byteLength + 1)
    note({ headers, bytes: bytes.toString('hex') })
    const client = clients.of(random)
    const { headers: head, status } = await client.send(headers, [bytes.subarray(0, at), bytes.subarray(at)])
    assert.equal(head[':status'], 200)
    assert.ok(status !== undefined && status <= 16, String(status))
    return status
  }
}
