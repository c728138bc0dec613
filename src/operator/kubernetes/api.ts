import http, { type IncomingMessage, type RequestOptions } from 'node:http'
import https from 'node:https'
import { KubeConfig } from '@kubernetes/client-node'

/** A response that is no success. `retryAfterMs`: what the server asked for. */
export class KubernetesError extends Error {
  override readonly name = 'KubernetesError'
  readonly status: number
  readonly retryAfterMs: number | undefined

  constructor(status: number, message: string, retryAfterMs?: number) {
    super(message)
    this.status = status
    this.retryAfterMs = retryAfterMs
  }
}

type Call = {
  readonly query?: Readonly<Record<string, string>>
  readonly body?: unknown
  readonly contentType?: string
  readonly signal: AbortSignal
}
type HttpResponse = { readonly response: IncomingMessage; readonly touch: () => void; readonly end: () => void }

/** A request that answers nothing for this long is given up. */
const RESPONSE_MS = 30_000
/** Bookmarks come about once a minute: a watch without anything for longer is a dead connection. */
const WATCH_IDLE_MS = 150_000
/** The API server stores objects of at most 3 MiB. */
const LINE_LENGTH_MAX = 16 * 1024 * 1024

/**
 * Calls of the API server. client-node finds the cluster and its credentials; the requests are `node:https`, because on Bun client-node's own
 * ones do not know the cluster's CA, and because a watch needs status and Retry-After.
 */
export class KubernetesApi {
  readonly #config: KubeConfig
  readonly #server: URL

  constructor(config: KubeConfig) {
    this.#config = config
    const cluster = config.getCurrentCluster()
    if (!cluster) throw new Error('Cannot find the API server: no kubeconfig and no service account')
    this.#server = new URL(cluster.server)
  }

  /** From KUBECONFIG, ~/.kube/config or the service account of the pod. */
  static fromEnvironment(): KubernetesApi {
    const config = new KubeConfig()
    config.loadFromDefault()
    return new KubernetesApi(config)
  }

  /** The namespace of the kubeconfig's context, or of the pod. */
  get namespace(): string | undefined {
    return this.#config.getContextObject(this.#config.getCurrentContext())?.namespace
  }

  /** The parsed body. Fails with `KubernetesError`, or an error of the connection. */
  async call(method: string, path: string, call: Call): Promise<unknown> {
    const { response, touch, end } = await this.#send(method, path, call, RESPONSE_MS)
    try {
      return JSON.parse(await textOf(response, touch))
    } finally {
      end()
    }
  }

  /** The parsed lines of a stream, until the server ends it. */
  async *lines(path: string, call: Call): AsyncGenerator<unknown> {
    const { response, touch, end } = await this.#send('GET', path, call, WATCH_IDLE_MS)
    try {
      let rest = ''
      response.setEncoding('utf8')
      for await (const chunk of response) {
        touch()
        const lines = `${rest}${chunk}`.split('\n')
        rest = lines.pop() ?? ''
        if (rest.length > LINE_LENGTH_MAX) throw new Error(`A line of ${path} is too long`)
        for (const line of lines) if (line !== '') yield JSON.parse(line)
      }
    } finally {
      end()
    }
  }

  async #send(method: string, path: string, call: Call, idleMs: number): Promise<HttpResponse> {
    const url = new URL(`${this.#server.pathname.replace(/\/$/, '')}${path}`, this.#server)
    for (const [name, value] of Object.entries(call.query ?? {})) url.searchParams.set(name, value)
    const body = call.body === undefined ? undefined : JSON.stringify(call.body)
    const headers: Record<string, string> = { accept: 'application/json', 'user-agent': 'flagstaff-operator' }
    if (body !== undefined) {
      headers['content-type'] = call.contentType ?? 'application/json'
      headers['content-length'] = String(Buffer.byteLength(body))
    }
    const options: RequestOptions & https.RequestOptions = { method, headers }
    await this.#config.applyToHTTPSOptions(options)
    const idle = idleTimer(idleMs, call.signal)
    try {
      const response = await responseOf(url, { ...options, signal: idle.signal }, body)
      idle.touch()
      const end = () => {
        idle.clear()
        response.destroy()
      }
      if ((response.statusCode ?? 500) < 300) return { response, touch: idle.touch, end }
      throw await errorOf(response).finally(end)
    } catch (error) {
      idle.clear()
      throw error
    }
  }
}

/** A signal that aborts with `parent`, or after `ms` without a touch. */
function idleTimer(ms: number, parent: AbortSignal) {
  const controller = new AbortController()
  const abort = () => controller.abort(new Error(`The API server was silent for ${ms / 1_000} s`))
  let timer = setTimeout(abort, ms)
  const touch = () => {
    clearTimeout(timer)
    timer = setTimeout(abort, ms)
  }
  const signal = AbortSignal.any([controller.signal, parent])
  return { signal, touch, clear: () => clearTimeout(timer) }
}

function responseOf(url: URL, options: RequestOptions, body: string | undefined): Promise<IncomingMessage> {
  const { promise, resolve, reject } = Promise.withResolvers<IncomingMessage>()
  const { request } = url.protocol === 'http:' ? http : https
  // The agent of client-node is for TLS, and would refuse http.
  const sent = request(url, url.protocol === 'http:' ? { ...options, agent: undefined } : options, resolve)
  sent.on('error', reject)
  sent.end(body)
  return promise
}

async function textOf(response: IncomingMessage, touch: () => void): Promise<string> {
  let text = ''
  response.setEncoding('utf8')
  for await (const chunk of response) {
    touch()
    text += chunk
  }
  return text
}

async function errorOf(response: IncomingMessage): Promise<KubernetesError> {
  const { statusCode: status = 500, headers } = response
  const text = await textOf(response, () => undefined)
  const seconds = Number(headers['retry-after'])
  const retryAfterMs = Number.isFinite(seconds) && seconds >= 0 ? seconds * 1_000 : undefined
  return new KubernetesError(status, messageIn(text) ?? `The API server answered ${status}`, retryAfterMs)
}

function messageIn(text: string): string | undefined {
  try {
    const { message } = JSON.parse(text)
    return typeof message === 'string' ? message : undefined
  } catch {
    return undefined
  }
}
