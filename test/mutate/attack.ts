import { readFileSync } from 'node:fs'
import { setTimeout as sleep } from 'node:timers/promises'
import { type Running, type Runtime, startService } from '../support/process.ts'
import { randomFrom } from '../support/random.ts'
import { request } from '../support/replicas.ts'
import { openStore } from '../support/store.ts'
import { converse } from './converse.ts'
import { type Conversation, conversationFrom } from './mutations.ts'
import { requestsFor, type Secrets, type Template } from './requests.ts'

export type AttackOptions = {
  readonly runtime: Runtime
  readonly requests: number
  readonly seed: number
  /** Time limit of a run. */
  readonly seconds?: number | undefined
  /** Runs only the conversation with this number, to repeat a failure. */
  readonly only?: number | undefined
}
/** `number` and the seed identify the conversation. */
export type Failure = {
  readonly what: string
  readonly number: number
  readonly sent: string
  readonly received: string
}
export type Outcome = {
  readonly requests: number
  readonly seconds: number
  readonly statuses: ReadonlyMap<number, number>
  readonly failures: readonly Failure[]
  /** Resident memory in MiB: after a twentieth of the requests, at the end, and the maximum. */
  readonly memory: { readonly early: number; readonly end: number; readonly peak: number }
  /** Unexpected errors in the log of the service. */
  readonly logged: readonly string[]
}

const CONNECTIONS = 96
/** One of this many conversations uses the port of gRPC, if it is a separate one. */
const GRPC_SHARE = 20
const FAILURES_MAX = 20
const CHECK_MS = 2_000
const ADMIN_KEY = 'admin-key-for-mutated-requests-0123456789'
const FLAG = { state: 'ENABLED', variants: { on: true, off: false }, defaultVariant: 'on' }
const RULE = { ...FLAG, targeting: { if: [{ sem_ver: [{ var: 'version' }, '>=', '1.0.0'] }, 'on', 'off'] } }

/** Sends mutated requests to a separate service over some dozens of connections, while checking that it still serves valid ones. */
export async function attack(options: AttackOptions): Promise<Outcome> {
  const store = await openStore()
  // Conversations do not wait for transactions, which continue without their clients: more can be in progress than there are connections.
  const limits = { REQUESTS_MAX: '20000', FLAGSTAFF_ACCESS_LOG: 'none' }
  const env = { DATABASE_URL: store.url, FLAGSTAFF_ADMIN_KEY: ADMIN_KEY, ...limits }
  const service = await startService(env, { runtime: options.runtime })
  try {
    return await run(service, await prepare(service), options)
  } finally {
    service.child.kill('SIGKILL')
    await service.ended
    await store.close()
  }
}

async function prepare({ address }: Running): Promise<Secrets> {
  const send = async (method: string, path: string, body: object) => {
    const answer = await request(address, ADMIN_KEY, { method, path: `/api/v1${path}`, body })
    if (answer.status >= 300) throw new Error(`${method} ${path} answers ${answer.status}`)
    return answer.body
  }
  await send('POST', '/projects', { key: 'keep' })
  await send('POST', '/projects/keep/environments', { key: 'test' })
  await send('PUT', '/projects/keep/environments/test/flagset', { flags: { on: FLAG, rule: RULE } })
  const environment = { project: 'keep', environment: 'test' }
  const key = async (role: string): Promise<string> =>
    (await send('POST', '/keys', { name: role, role, environment })).secret
  const [client, server] = [await key('client'), await key('server')]
  const bulk = await request(address, client, { method: 'POST', path: '/ofrep/v1/evaluate/flags', body: {} })
  const [stream] = bulk.body.eventStreams ?? []
  const url = new URL(stream?.url ?? '/ofrep/v1/sse/none', stream?.endpoint?.origin ?? address)
  const streamPath = stream?.endpoint ? stream.endpoint.requestUri : `${url.pathname}${url.search}`
  return { admin: ADMIN_KEY, client, server, streamPath }
}

async function run(
  service: Running,
  secrets: Secrets,
  { requests, seed, seconds = Number.POSITIVE_INFINITY, only }: AttackOptions,
): Promise<Outcome> {
  const templates = requestsFor(secrets)
  const statuses = new Map<number, number>()
  const failures: Failure[] = []
  const begin = performance.now()
  let sent = 0
  let number = only ?? 0
  let early = 0
  const fail = (what: string, at: number, text: string, received = '') =>
    failures.push({ what, number: at, sent: text, received })
  const one = async (at: number): Promise<void> => {
    const conversation = conversationOf(templates, seed, at)
    sent += conversation.requests
    const exchange = await converse(portFor(service, at), conversation).catch((error: Error) => error)
    if (exchange instanceof Error) return void fail(exchange.message, at, conversation.text)
    for (const status of exchange.statuses) statuses.set(status, (statuses.get(status) ?? 0) + 1)
    if (exchange.statuses.includes(500)) fail('is answered 500', at, conversation.text, exchange.received)
    if (exchange.hangs) fail('keeps its connection open', at, conversation.text, exchange.received)
  }
  const isDone = () =>
    sent >= requests ||
    performance.now() - begin > seconds * 1_000 ||
    failures.length >= FAILURES_MAX ||
    service.child.exitCode !== null
  const work = async () => {
    while (!isDone()) {
      await one(number++)
      if (early === 0 && sent > requests / 20) early = memoryOf(service).resident
    }
  }
  const checks = new AbortController()
  const checking = checkRepeatedly(service, secrets, checks.signal, (what) => fail(what, -1, ''))
  if (only === undefined) await Promise.all(Array.from({ length: CONNECTIONS }, work))
  else await one(only)
  checks.abort()
  await checking
  const { resident, peak } = memoryOf(service)
  return {
    requests: sent,
    seconds: (performance.now() - begin) / 1_000,
    statuses,
    failures,
    memory: { early, end: resident, peak },
    logged: service.output().match(/^(?!.*"Refused a (?:request|call)").*"level":"error".*$/gm) ?? [],
  }
}

/** The conversation with this number: the same for the same seed. */
function conversationOf(templates: readonly Template[], seed: number, number: number): Conversation {
  return conversationFrom(templates, randomFrom(Math.imul(seed, 0x9e3779b1) + number))
}

function portFor({ address, grpcPort }: Running, number: number): number {
  const port = Number(new URL(address).port)
  return number % GRPC_SHARE === 0 && grpcPort > 0 ? grpcPort : port
}

/** Sends a probe and an evaluation again and again until `signal` aborts, and then once more. */
async function checkRepeatedly(
  service: Running,
  secrets: Secrets,
  signal: AbortSignal,
  fail: (what: string) => void,
): Promise<void> {
  for (let isLast = false; !isLast; ) {
    isLast = signal.aborted
    const what = await check(service, secrets).catch((error: Error) => `fails: ${error.message}`)
    if (what !== undefined) return fail(`the service ${what}`)
    if (!isLast) await sleep(CHECK_MS, undefined, { signal }).catch(() => undefined)
  }
}

async function check({ address, child, output }: Running, { client }: Secrets): Promise<string | undefined> {
  if (child.exitCode !== null || child.signalCode !== null) return `ended: ${output().slice(-2_000)}`
  const livez = await fetch(`${address}/livez`, { signal: AbortSignal.timeout(10_000) })
  if (livez.status !== 200) return `answers ${livez.status} to a probe`
  const path = '/ofrep/v1/evaluate/flags/rule'
  const { status, body } = await request(address, client, {
    method: 'POST',
    path,
    body: { context: { version: '2.0.0' } },
  })
  return status === 200 && body.value === true
    ? undefined
    : `answers ${status} to an evaluation: ${JSON.stringify(body)}`
}

/** MiB. */
function memoryOf({ child }: Running): { resident: number; peak: number } {
  const status = readFileSync(`/proc/${child.pid}/status`, 'utf8')
  const of = (name: string) => Math.round(Number(new RegExp(`${name}:\\s+(\\d+)`).exec(status)?.[1]) / 1_024)
  return { resident: of('VmRSS'), peak: of('VmHWM') }
}
