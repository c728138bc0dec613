// The components in front of the app on Knative (activator, autoscaler and queue-proxy), as an app sees them. A separate process, on Node
// whatever the service's runtime: Node's clients never send a request twice; Bun's do. test/support/knative.ts starts it and reads its
// events as lines of JSON.
import { once } from 'node:events'
import http from 'node:http'
import http2 from 'node:http2'
import type { AddressInfo } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'
import type { KnativeEvent, KnativeOptions } from './knative.ts'
import { kill, type Running, startService } from './process.ts'

/** queue-proxy probes the app until it is ready. */
const PROBE_MS = 50
const PROBE_TIMEOUT_MS = 100
/** The activator probes the queue-proxy. */
const ACTIVATOR_PROBE_MS = 200
/** Go's transport closes connections after this idle time. */
const IDLE_CONNECTION_MS = 90_000
const QUEUE_MAX = 10_000
const PROBE = /^(kube-probe|Knative-(Activator|Autoscaling)-Probe)/

const options: KnativeOptions = JSON.parse(process.argv[2] ?? '')
const tell = (event: KnativeEvent) => process.stdout.write(`${JSON.stringify(event)}\n`)

/** A pod: the app, and its queue-proxy. */
class Replica {
  /** Resolves when the activator sends requests to it. */
  readonly admitted: Promise<void>
  isDraining = false
  open = 0
  #lastAt = performance.now()
  #app: Running | undefined
  #session: http2.ClientHttp2Session | undefined
  readonly #agent = new http.Agent({ keepAlive: true, timeout: IDLE_CONNECTION_MS })

  constructor() {
    this.admitted = this.#admit()
  }

  get idleMs(): number {
    return this.open > 0 ? 0 : performance.now() - this.#lastAt
  }

  async #admit(): Promise<void> {
    let isReady = false
    const started = this.#start().then(() => {
      isReady = true
    })
    while (!isReady) await sleep(ACTIVATOR_PROBE_MS)
    await started
    tell({ what: 'ready' })
    this.#lastAt = performance.now()
  }

  async #start(): Promise<void> {
    tell({ what: 'started' })
    const { env, runtime, file } = options
    this.#app = await startService(env, { runtime, file })
    while (!(await this.#isReady())) await sleep(PROBE_MS)
  }

  async #isReady(): Promise<boolean> {
    try {
      const headers = { 'user-agent': 'kube-probe//' }
      const signal = AbortSignal.timeout(PROBE_TIMEOUT_MS)
      return (await fetch(`${this.#app?.address}/readyz`, { headers, signal })).status === 200
    } catch {
      return false
    }
  }

  /** Serves pending and further requests; sends SIGTERM after `quietMs` without new ones. */
  async drain(): Promise<void> {
    tell({ what: 'draining' })
    this.isDraining = true
    this.#lastAt = performance.now()
    for (let left = options.quietMs; left > 0; left = options.quietMs - (performance.now() - this.#lastAt))
      await sleep(left)
    tell({ what: 'terminating' })
    this.#app?.child.kill('SIGTERM')
    const ended = await this.#app?.ended
    this.#agent.destroy()
    this.#session?.destroy()
    tell({ what: 'ended', code: ended?.code ?? null, output: this.#app?.output() ?? '' })
  }

  /** Records a request; the returned function records its end. */
  #enter(): () => void {
    this.#lastAt = performance.now()
    this.open += 1
    return () => {
      this.open -= 1
      if (!this.isDraining) this.#lastAt = performance.now() // while draining, only new requests count: open streams do not delay the end
    }
  }

  async kill(): Promise<void> {
    if (this.#app) await kill(this.#app)
  }

  http1(request: http.IncomingMessage, body: Buffer, response: http.ServerResponse): void {
    if (this.isDraining && PROBE.test(request.headers['user-agent'] ?? '')) {
      response.writeHead(503).end('shutting down')
      return
    }
    const leave = this.#enter()
    const { method = '', url: path = '', headers } = request
    const address = new URL(this.#app?.address ?? '')
    const outgoing = http.request({
      agent: this.#agent,
      host: address.hostname,
      port: address.port,
      method,
      path,
      headers,
    })
    const late = setTimeout(() => {
      if (!response.headersSent) response.writeHead(504)
      response.end('request timeout')
      outgoing.destroy()
    }, options.timeoutMs)
    response.once('close', () => {
      clearTimeout(late)
      outgoing.destroy()
      leave()
    })
    outgoing.on('response', (incoming) => {
      const { connection: _, 'keep-alive': __, 'transfer-encoding': ___, ...rest } = incoming.headers
      response.writeHead(incoming.statusCode ?? 502, rest)
      response.flushHeaders()
      incoming.pipe(response)
      incoming.on('error', () => response.destroy())
    })
    outgoing.on('error', (error) => {
      if (response.headersSent) response.destroy()
      else response.writeHead(502).end(`queue-proxy: ${error.message}`)
    })
    outgoing.end(body)
  }

  http2(stream: http2.ServerHttp2Stream, headers: http2.IncomingHttpHeaders): void {
    const leave = this.#enter()
    if (!this.#session || this.#session.closed || this.#session.destroyed) {
      this.#session = http2.connect(`http://127.0.0.1:${this.#app?.grpcPort}`)
      this.#session.on('error', () => undefined)
    }
    const outgoing = this.#session.request(headers)
    const late = setTimeout(() => {
      stream.end('request timeout')
      outgoing.close(http2.constants.NGHTTP2_CANCEL)
    }, options.timeoutMs)
    stream.once('close', () => {
      clearTimeout(late)
      outgoing.close(http2.constants.NGHTTP2_CANCEL)
      leave()
    })
    let trailers: http2.IncomingHttpHeaders = {}
    outgoing.on('trailers', (got) => {
      trailers = got
    })
    outgoing.on('response', (head, flags) => {
      const isWhole = (flags & http2.constants.NGHTTP2_FLAG_END_STREAM) > 0
      stream.respond(head, { endStream: isWhole, waitForTrailers: !isWhole })
      stream.on('wantTrailers', () => stream.sendTrailers(trailers))
      outgoing.pipe(stream)
    })
    outgoing.on('error', () => stream.close(http2.constants.NGHTTP2_INTERNAL_ERROR))
    stream.on('error', () => outgoing.close(http2.constants.NGHTTP2_CANCEL))
    stream.pipe(outgoing)
  }
}

/** The replica that receives requests; undefined at zero. */
let current: Replica | undefined
let queued = 0
const replicas = new Set<Replica>()

/** As the activator does: holds a request until a replica is ready, and starts one if there is none. */
async function replica(): Promise<Replica | undefined> {
  if (queued >= QUEUE_MAX) return undefined
  queued += 1
  try {
    if (!current) {
      current = new Replica()
      replicas.add(current)
      void watch(current)
    }
    const chosen = current
    await chosen.admitted
    return chosen
  } finally {
    queued -= 1
  }
}

/** As the autoscaler does: removes an idle replica; the ingress is updated later. */
async function watch(watched: Replica): Promise<void> {
  await watched.admitted
  while (watched.idleMs < options.idleMs) await sleep(Math.max(1, options.idleMs - watched.idleMs))
  const ended = watched.drain()
  await sleep(options.lagMs)
  if (current === watched) current = undefined
  await ended
  replicas.delete(watched)
}

const server = http.createServer({ keepAliveTimeout: IDLE_CONNECTION_MS }, async (request, response) => {
  const parts: Buffer[] = []
  for await (const part of request) parts.push(part)
  const chosen = await replica()
  if (chosen) chosen.http1(request, Buffer.concat(parts), response)
  else response.writeHead(503).end('pending request queue full')
})
const h2c = http2.createServer()
h2c.on('stream', async (stream, headers) => {
  const chosen = await replica()
  if (chosen) chosen.http2(stream, headers)
  else stream.respond({ ':status': 503 }, { endStream: true })
})
const ports = []
for (const one of [server, h2c]) {
  one.listen(0, '127.0.0.1')
  await once(one, 'listening')
  ports.push((one.address() as AddressInfo).port)
}
const [port = 0, h2cPort = 0] = ports
tell({ what: 'listening', port, h2cPort })
process.once('SIGTERM', async () => {
  await Promise.all([...replicas].map((one) => one.kill()))
  process.exit(0)
})
