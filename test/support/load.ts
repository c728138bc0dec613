import { once } from 'node:events'
import http2 from 'node:http2'
import { setTimeout as sleep } from 'node:timers/promises'
import { Service } from '../../src/grpc/gen/flagd/evaluation/v2/evaluation_pb.js'
import { FlagSyncService } from '../../src/grpc/gen/flagd/sync/v1/sync_pb.js'
import { GrpcClient, type GrpcStream } from './grpc.ts'
import { RawH1 } from './raw-h1.ts'

/** Kinds of clients; each is a column of a load's result. */
export const KINDS = ['keep-alive', 'pausing', 'new connections', 'HTTP/2', 'gRPC', 'SSE', 'gRPC stream'] as const
export type Kind = (typeof KINDS)[number]
export type LoadOptions = {
  readonly port: number
  readonly grpcPort: number
  /** A server key of an environment whose flag `a` is on. */
  readonly key: string
  /** Random numbers from 0 to below 1. */
  readonly random: () => number
}

const LANES = { keepAlive: 6, pausing: 6, newConnections: 3, http2: 2, http2Width: 3, grpc: 2, grpcWidth: 3 }
const STREAMS = 3
/** Responses after which a kind counts as running; one by default. */
const BEGUN: Partial<Record<Kind, number>> = { SSE: STREAMS, 'gRPC stream': 2 * STREAMS }
/** Maximum pause of the pausing client between two requests. */
const PAUSE_MS = 400
const EVALUATE = '/ofrep/v1/evaluate/flags'
const REFUSED = /ECONNREFUSED|ECONNRESET|Failed to connect/
const GRPC_REFUSED = /No connection established|ECONNREFUSED|Stream refused by server/
const UNAVAILABLE = 14

/**
 * All kinds of clients at one replica at once. Each sends again after its response, until it is refused. A request is accepted if its
 * bytes were sent on a connection on which the server had announced no end (`Connection: close`, a FIN, GOAWAY), and it was not refused as
 * a whole; from then on it must be answered. Refused means: the connection failed; an HTTP/2 stream that the server has not begun
 * (REFUSED_STREAM, or above the last one in GOAWAY); a call for which grpc-js found no connection; a new event stream with status 503. Any
 * other request without a response is lost, even if a client could safely send it again.
 */
export class Load {
  readonly answered = new Map<Kind, number>(KINDS.map((kind) => [kind, 0]))
  readonly lost: string[] = []
  /** Completed evaluations. */
  evaluations = 0
  /** Event streams and gRPC streams that ended as their protocols define. */
  streamsEnded = 0
  readonly #options: LoadOptions
  readonly #lanes: Promise<void>[]
  readonly #clients: GrpcClient[] = []
  #waiting: { total: number; resolve: () => void } | undefined

  constructor(options: LoadOptions) {
    this.#options = options
    const many = (count: number, lane: () => Promise<void>) => Array.from({ length: count }, lane)
    this.#lanes = [
      ...many(LANES.keepAlive, () => this.#keepAlive()),
      ...many(LANES.pausing, () => this.#pausing()),
      ...many(LANES.newConnections, () => this.#newConnections()),
      ...many(LANES.http2, () => this.#http2()),
      ...many(LANES.grpc, () => this.#grpc()),
      ...many(STREAMS, () => this.#eventStream()),
      ...many(STREAMS, () => this.#grpcStream('eventStream')),
      ...many(STREAMS, () => this.#grpcStream('syncFlags')),
    ]
  }

  /** Resolves when each kind had a response, each stream has started, and there were `total` responses in all. */
  async reaches(total: number): Promise<void> {
    const reached = new Promise<void>((resolve) => {
      this.#waiting = { total, resolve }
    })
    await Promise.race([reached, this.over()])
  }

  /** Resolves when every client was refused. */
  async over(): Promise<void> {
    await Promise.all(this.#lanes)
    for (const client of this.#clients) client.close()
  }

  #answer(kind: Kind): void {
    this.answered.set(kind, (this.answered.get(kind) ?? 0) + 1)
    const counts = [...this.answered]
    const isUnderWay = counts.every(([kind, count]) => count >= (BEGUN[kind] ?? 1))
    if (this.#waiting && isUnderWay && sum(counts.map(([, count]) => count)) >= this.#waiting.total)
      this.#waiting.resolve()
  }

  #lose(kind: Kind, what: unknown): void {
    this.lost.push(`${kind}: ${what instanceof Error ? what.message : JSON.stringify(what)}`)
  }

  #evaluated(kind: Kind, status: number, body: string): void {
    if (status === 200 && body.includes('"value":true')) {
      this.evaluations += 1
      this.#answer(kind)
    } else this.#lose(kind, { status, body })
  }

  async #connect(kind: Kind): Promise<RawH1 | undefined> {
    try {
      return await RawH1.connect(this.#options.port)
    } catch (error) {
      if (!REFUSED.test(String(error instanceof Error && 'code' in error ? error.code : error))) this.#lose(kind, error)
      return undefined
    }
  }

  /** Sends on one connection until its end is announced, then at once on the next, because it waits for each response. */
  async #keepAlive(): Promise<void> {
    for (let isTold = true; isTold; ) {
      const connection = await this.#connect('keep-alive')
      if (!connection) return
      isTold = await this.#sendAll('keep-alive', connection, 0)
    }
  }

  /**
   * Sends at intervals on a kept connection, as a proxy does from its pool. As for a proxy, the end of one replica is a reason to connect
   * to another.
   */
  async #pausing(): Promise<void> {
    const connection = await this.#connect('pausing')
    if (connection) await this.#sendAll('pausing', connection, PAUSE_MS)
  }

  /** False when a request was lost. */
  async #sendAll(kind: Kind, connection: RawH1, pauseMs: number): Promise<boolean> {
    try {
      for (let closes = false; !closes; ) {
        if (pauseMs > 0) await sleep(this.#options.random() * pauseMs)
        if (connection.isOver) return true
        const answer = await connection.send(this.#request('POST', `${EVALUATE}/a`, '{}'))
        this.#evaluated(kind, answer.status, answer.body)
        closes = answer.closes
      }
      return true
    } catch (error) {
      this.#lose(kind, error)
      return false
    } finally {
      connection.close()
    }
  }

  async #newConnections(): Promise<void> {
    for (;;) {
      const connection = await this.#connect('new connections')
      if (!connection) return
      try {
        const { status, body } = await connection.send(this.#request('POST', `${EVALUATE}/a`, '{}'))
        this.#evaluated('new connections', status, body)
      } catch (error) {
        return this.#lose('new connections', error)
      } finally {
        connection.close()
      }
    }
  }

  #request(method: string, path: string, body = ''): string {
    const { key, port } = this.#options
    const head = [`${method} ${path} HTTP/1.1`, `Host: 127.0.0.1:${port}`, `Authorization: Bearer ${key}`]
    return [...head, 'Content-Type: application/json', `Content-Length: ${body.length}`, '', body].join('\r\n')
  }

  async #http2(): Promise<void> {
    for (;;) {
      const session = http2.connect(`http://127.0.0.1:${this.#options.grpcPort}`)
      session.on('error', () => undefined)
      const over = new Promise<false>((resolve) => session.once('close', () => resolve(false)))
      const greeted = once(session, 'remoteSettings').then(
        () => true,
        () => false,
      )
      if (!(await Promise.race([greeted, over]))) return
      await Promise.all(Array.from({ length: LANES.http2Width }, () => this.#http2Lane(session)))
      session.close()
    }
  }

  async #http2Lane(session: http2.ClientHttp2Session): Promise<void> {
    while (!session.closed && !session.destroyed) {
      const headers = { ':method': 'POST', ':path': `${EVALUATE}/a`, authorization: `Bearer ${this.#options.key}` }
      const stream = session.request({ ...headers, 'content-type': 'application/json' })
      let status = 0
      let body = ''
      let error: unknown
      stream.on('response', (head) => {
        status = Number(head[':status'])
      })
      stream.on('data', (chunk) => {
        body += chunk
      })
      stream.on('error', (cause) => {
        error = cause
      })
      const closed = new Promise((resolve) => stream.once('close', resolve))
      stream.end('{}')
      await closed
      if (stream.rstCode === http2.constants.NGHTTP2_REFUSED_STREAM) return
      if (error) this.#lose('HTTP/2', error)
      else this.#evaluated('HTTP/2', status, body)
    }
  }

  #client(): GrpcClient {
    const client = new GrpcClient(this.#options.grpcPort, { key: this.#options.key })
    this.#clients.push(client)
    return client
  }

  async #grpc(): Promise<void> {
    const client = this.#client()
    const lane = async () => {
      for (;;) {
        const answer = await client.call(Service, 'resolveBoolean', { flagKey: 'a' })
        if (answer.status === 0 && answer.message?.value) {
          this.evaluations += 1
          this.#answer('gRPC')
          continue
        }
        if (answer.status !== UNAVAILABLE || !GRPC_REFUSED.test(answer.details)) this.#lose('gRPC', answer)
        return
      }
    }
    await Promise.all(Array.from({ length: LANES.grpcWidth }, lane))
  }

  /** Opens an event stream and reads it to its end, which must be a retry time and the end of the body; reconnects until refused. */
  async #eventStream(): Promise<void> {
    for (;;) {
      const asking = await this.#connect('SSE')
      if (!asking) return
      try {
        const { body } = await asking.send(this.#request('POST', EVALUATE, '{}'))
        this.evaluations += 1
        if (!(await this.#followEvents(JSON.parse(body).eventStreams[0].endpoint.requestUri))) return
      } catch (error) {
        return this.#lose('SSE', error)
      } finally {
        asking.close()
      }
    }
  }

  /** False when the stream was refused. */
  async #followEvents(path: string): Promise<boolean> {
    const connection = await this.#connect('SSE')
    if (!connection) return false
    try {
      connection.write(this.#request('GET', path))
      const { status, length } = await connection.head()
      if (length !== undefined) {
        if (status !== 503) this.#lose('SSE', { status })
        return false
      }
      await connection.chunk()
      this.#answer('SSE')
      const last = (await connection.chunks()).join('')
      if (/retry: \d+\n\n$/.test(last)) this.streamsEnded += 1
      else this.#lose('SSE', `ended with ${JSON.stringify(last)}`)
      return true
    } finally {
      connection.close()
    }
  }

  async #grpcStream(method: 'eventStream' | 'syncFlags'): Promise<void> {
    const client = this.#client()
    const stream: GrpcStream<object> =
      method === 'eventStream' ? client.open(Service, method, {}) : client.open(FlagSyncService, method, {})
    try {
      await stream.next()
      this.#answer('gRPC stream')
      const end = await stream.ended()
      const isTold = method === 'syncFlags' || /"provider_shutdown"/.test(JSON.stringify(await stream.next()))
      if (isTold && end.status === UNAVAILABLE && end.details === 'This replica is stopping') this.streamsEnded += 1
      else this.#lose('gRPC stream', { ...end, isTold })
    } catch (error) {
      this.#lose('gRPC stream', error)
    }
  }
}

/** Minimum of streams that a load has open. */
export const STREAMS_HELD = 3 * STREAMS

const sum = (counts: readonly number[]) => counts.reduce((all, count) => all + count, 0)
