import { randomBytes } from 'node:crypto'
import { kill, type Running, type Runtime, startService } from './process.ts'
import { type RedisServer, startRedis } from './redis.ts'
import { openStore, type Store } from './store.ts'

export const FLAG_SET = '/api/v1/projects/p/environments/e'
const on = { state: 'ENABLED', variants: { on: true, off: false }, defaultVariant: 'on' }

export type Replicas = {
  readonly store: Store
  readonly redis: RedisServer
  readonly members: readonly Running[]
  readonly adminKey: string
  /** Starts one more; its own `env` overrides the common one. */
  add(runtime: Runtime, env?: Record<string, string>): Promise<Running>
  close(): Promise<void>
}

/**
 * Real replicas of the service with one real database and one real Redis, with an environment `p/e` and its flag `a`. `close()` also ends
 * the Redis, even one that was passed in.
 */
export async function startReplicas(
  runtimes: readonly Runtime[],
  env: Record<string, string> = {},
  given?: RedisServer,
): Promise<Replicas> {
  const store = await openStore()
  const redis = given ?? (await startRedis())
  const adminKey = randomBytes(24).toString('base64url')
  const members: Running[] = []
  const add = async (runtime: Runtime, own: Record<string, string> = {}) => {
    const variables = { DATABASE_URL: store.url, REDIS_URL: redis.url, FLAGSTAFF_ADMIN_KEY: adminKey, ...env, ...own }
    const member = await startService(variables, { runtime })
    members.push(member)
    return member
  }
  for (const runtime of runtimes) await add(runtime)
  const [first] = members
  if (first) {
    const send = (method: string, path: string, body: object) =>
      request(first.address, adminKey, { method, path, body })
    await send('POST', '/api/v1/projects', { key: 'p' })
    await send('POST', '/api/v1/projects/p/environments', { key: 'e' })
    await send('PUT', `${FLAG_SET}/flags/a`, on)
  }
  const close = async () => {
    await Promise.all(members.map(kill))
    await redis.kill()
    await store.close()
  }
  return { store, redis, members, adminKey, add, close }
}

/** One request; JSON in, JSON out. */
export async function request(
  address: string,
  key: string,
  {
    method,
    path,
    body,
    headers = {},
  }: { method: string; path: string; body?: object; headers?: Record<string, string> },
): Promise<{ status: number; body: any }> {
  const response = await fetch(`${address}${path}`, {
    method,
    headers: { authorization: `Bearer ${key}`, 'content-type': 'application/json', ...headers },
    ...(body && { body: JSON.stringify(body) }),
  })
  const text = await response.text()
  return { status: response.status, body: text === '' ? undefined : JSON.parse(text) }
}

/** The value of a flag at one replica, or the status if there is no value. */
export async function evaluate(address: string, key: string, flag = 'a'): Promise<unknown> {
  const headers = { 'flagd-selector': 'flagSetId=p/e' }
  const { status, body } = await request(address, key, {
    method: 'POST',
    path: `/ofrep/v1/evaluate/flags/${flag}`,
    body: {},
    headers,
  })
  return status === 200 ? body.value : status
}
