import { setTimeout as sleep } from 'node:timers/promises'
import { Service } from '../../src/grpc/gen/flagd/evaluation/v2/evaluation_pb.js'
import { FlagSyncService } from '../../src/grpc/gen/flagd/sync/v1/sync_pb.js'
import { GrpcClient } from '../support/grpc.ts'
import type { Running } from '../support/process.ts'

export type TrafficOptions = {
  readonly adminKey: string
  /** A server key of the environment `p/e`. */
  readonly serverKey: string
  readonly flags: number
  /** From 0 to below 1. */
  readonly random: () => number
  readonly isOver: () => boolean
}

const ENVIRONMENT = '/api/v1/projects/p/environments/e'
const EVALUATE = '/ofrep/v1/evaluate/flags'
/** Pause of each kind of client between two of its requests. */
const PAUSE_MS = {
  single: 5,
  bulk: 30,
  poll: 10,
  unknown: 40,
  rpc: 10,
  change: 400,
  console: 250,
  stream: 300,
} as const
type Kind = keyof typeof PAUSE_MS | 'event stream' | 'sync stream' | 'refused (503)'

/** Every kind of client at one replica. An unexpected answer is a complaint; 503, of an overloaded machine, is counted. */
export class Traffic {
  readonly counts = new Map<Kind, number>()
  readonly complaints = new Map<string, number>()
  readonly #replica: Running
  readonly #options: TrafficOptions
  #count = 0

  constructor(replica: Running, options: TrafficOptions) {
    this.#replica = replica
    this.#options = options
  }

  async run(): Promise<void> {
    const grpc = new GrpcClient(this.#replica.grpcPort, { key: this.#options.serverKey })
    let etag = ''
    await Promise.all([
      this.#repeat('single', () => this.#evaluate(`/${this.#flag()}`)),
      this.#repeat('bulk', async () => {
        etag = (await this.#evaluate('')) ?? ''
      }),
      this.#repeat('poll', () => this.#evaluate('', { 'if-none-match': etag }, [200, 304])),
      // Each one names something else, so a cache that keeps unknown names would grow.
      this.#repeat('unknown', async () => {
        const name = `no-${this.#next()}`
        await this.#evaluate(`/${name}`, {}, [404])
        const post = { method: 'POST', body: '{}' }
        await this.#send(EVALUATE, post, { key: name, expected: [401] })
        const headers = { 'flagd-selector': `flagSetId=${name}/e` }
        await this.#send(EVALUATE, { ...post, headers }, { key: this.#options.adminKey, expected: [404] })
      }),
      this.#repeat('rpc', async () => {
        const { status } = await grpc.call(Service, 'resolveBoolean', { flagKey: this.#flag(), context: this.#user() })
        if (status !== 0) throw new Error(`an RPC ended with ${status}`)
      }),
      this.#repeat('change', () => this.#change()),
      this.#repeat('console', () => this.#readConsole()),
      this.#repeat('stream', () => this.#eventStream()),
      this.#repeat('stream', () => this.#syncStream()),
    ])
    grpc.close()
  }

  async #repeat(kind: keyof typeof PAUSE_MS, work: () => Promise<unknown>): Promise<void> {
    while (!this.#options.isOver()) {
      try {
        await work()
        this.#add(kind)
      } catch (error) {
        const text = `${kind}: ${String(error)}`
        this.complaints.set(text, (this.complaints.get(text) ?? 0) + 1)
      }
      await sleep(PAUSE_MS[kind] * (0.5 + this.#options.random()))
    }
  }

  #add(kind: Kind): void {
    this.counts.set(kind, (this.counts.get(kind) ?? 0) + 1)
  }

  #next(): number {
    this.#count += 1
    return this.#count
  }

  readonly #flag = () => `flag-${Math.floor(this.#options.random() * this.#options.flags)}`
  readonly #user = () => ({ targetingKey: `user-${this.#next()}`, country: this.#options.random() < 0.5 ? 'fr' : 'de' })

  /** Resolves to the ETag of the response. */
  async #evaluate(path: string, headers: Record<string, string> = {}, expected = [200]): Promise<string | null> {
    const body = JSON.stringify({ context: path === '' ? { targetingKey: 'one', country: 'fr' } : this.#user() })
    const key = this.#options.serverKey
    const response = await this.#send(`${EVALUATE}${path}`, { method: 'POST', body, headers }, { key, expected })
    return response.headers.get('etag')
  }

  async #send(
    path: string,
    init: RequestInit,
    { key, expected }: { key: string; expected: readonly number[] },
  ): Promise<Response> {
    const headers = { authorization: `Bearer ${key}`, 'content-type': 'application/json', ...init.headers }
    const response = await fetch(`${this.#replica.address}${path}`, { ...init, headers })
    await response.arrayBuffer()
    if (response.status === 503) this.#add('refused (503)')
    else if (!expected.includes(response.status)) throw new Error(`${init.method} was answered with ${response.status}`)
    return response
  }

  async #change(): Promise<void> {
    const targeting = { if: [{ '==': [{ var: 'country' }, this.#flag()] }, 'on', null] }
    const body = { state: 'ENABLED', variants: { on: true, off: false }, defaultVariant: 'off', targeting }
    const path = `${ENVIRONMENT}/flags/${this.#flag()}`
    const key = this.#options.adminKey
    await this.#send(path, { method: 'PUT', body: JSON.stringify(body) }, { key, expected: [200] })
  }

  async #readConsole(): Promise<void> {
    const flag = this.#flag()
    const paths = [
      '/api/v1/projects/p/matrix',
      '/api/v1/changes?project=p&limit=50',
      `${ENVIRONMENT}/flags/${flag}/usage`,
    ]
    const key = this.#options.adminKey
    for (const path of [...paths, `${ENVIRONMENT}/flags/${flag}/history`, '/metrics'])
      await this.#send(path, { method: 'GET' }, { key, expected: [200] })
  }

  /** Opens an event stream as the response to a bulk evaluation names it, and leaves it after a while. */
  async #eventStream(): Promise<void> {
    const headers = { authorization: `Bearer ${this.#options.serverKey}`, 'content-type': 'application/json' }
    const bulk = await fetch(`${this.#replica.address}${EVALUATE}`, { method: 'POST', headers, body: '{}' })
    const { eventStreams } = (await bulk.json()) as { eventStreams: [{ endpoint: { requestUri: string } }] }
    const leave = new AbortController()
    const url = `${this.#replica.address}${eventStreams[0].endpoint.requestUri}`
    const stream = await fetch(url, { signal: leave.signal })
    if (stream.status !== 200) throw new Error(`an event stream was answered with ${stream.status}`)
    const read = stream.body?.pipeTo(new WritableStream()).catch(() => undefined)
    await sleep(2_000 * this.#options.random())
    leave.abort()
    await read
    this.#add('event stream')
  }

  async #syncStream(): Promise<void> {
    const client = new GrpcClient(this.#replica.grpcPort, { key: this.#options.serverKey })
    const stream = client.open(FlagSyncService, 'syncFlags', {})
    await stream.next()
    await sleep(2_000 * this.#options.random())
    stream.cancel()
    client.close()
    this.#add('sync stream')
  }
}
