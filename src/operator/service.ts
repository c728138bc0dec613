import { randomBytes } from 'node:crypto'
import { readFile } from 'node:fs/promises'
import * as v from 'valibot'
import type { Merged } from './merge.ts'

/** The service refused a call (RFC 9457), or did not answer: then `status` is 0. */
export class ServiceError extends Error {
  override readonly name = 'ServiceError'
  readonly status: number
  readonly code: string
  readonly retryAfterMs: number | undefined

  constructor(
    message: string,
    { status, code, retryAfterMs }: { status: number; code: string; retryAfterMs?: number | undefined },
  ) {
    super(message)
    this.status = status
    this.code = code
    this.retryAfterMs = retryAfterMs
  }
}

const Mistake = v.object({ pointer: v.string(), detail: v.string() })
const Applied = v.object({
  revision: v.number(),
  created: v.array(v.string()),
  updated: v.array(v.string()),
  removed: v.array(v.string()),
  adopted: v.array(v.string()),
  drifted: v.array(v.string()),
  managed: v.number(),
  refused: v.array(Mistake),
})
/** What the service did. */
export type Applied = v.InferOutput<typeof Applied>

type Environment = { readonly project: string; readonly environment: string }
/** Who applies what; `comment` is stored with each change. */
export type Application = Environment & {
  readonly manager: string
  readonly document: Merged['document'] & { readonly keep: readonly string[] }
  readonly adopt: boolean
  readonly prune: boolean
  readonly drift: 'correct' | 'report'
  readonly comment: string
}
/** How the service is reached. The key is read for each call: a file of a Secret changes when the key is renewed. */
export type ServiceAddress = {
  readonly url: string
  readonly key: string | undefined
  readonly keyFile: string | undefined
}

const CALL_MS = 30_000
const Problem = v.object({ code: v.optional(v.string(), 'unknown'), detail: v.optional(v.string()) })

/** The calls of Flagstaff's management API that the operator makes. All fail with `ServiceError`. */
export class ServiceClient {
  readonly #address: ServiceAddress

  constructor(address: ServiceAddress) {
    this.#address = address
  }

  async apply({ manager, document, comment, ...options }: Application): Promise<Applied> {
    const { adopt, prune, drift } = options
    const query = new URLSearchParams({ adopt: String(adopt), prune: String(prune), drift, comment })
    return v.parse(Applied, await this.#call('PUT', `${managerPath(options, manager)}?${query}`, document))
  }

  /** Ends what the manager manages; nothing happens if it manages nothing. */
  async release(name: Environment, manager: string): Promise<void> {
    await this.#call('DELETE', managerPath(name, manager)).catch((error) => {
      if (!(error instanceof ServiceError && error.status === 404)) throw error
    })
  }

  async createEnvironment({ project, environment }: Environment, comment: string): Promise<void> {
    const query = new URLSearchParams({ comment })
    await this.#call('POST', `/api/v1/projects/${project}/environments?${query}`, { key: environment })
  }

  async #call(method: string, path: string, body?: unknown): Promise<unknown> {
    const { url, key, keyFile } = this.#address
    const secret = keyFile === undefined ? (key ?? '') : (await readFile(keyFile, 'utf8')).trim()
    const init = {
      method,
      headers: {
        authorization: `Bearer ${secret}`,
        traceparent: `00-${randomBytes(16).toString('hex')}-${randomBytes(8).toString('hex')}-00`,
        ...(body !== undefined && { 'content-type': 'application/json' }),
      },
      ...(body !== undefined && { body: JSON.stringify(body) }),
      signal: AbortSignal.timeout(CALL_MS),
    }
    const response = await fetch(`${url}${path}`, init).catch((cause) => {
      const reason = cause instanceof Error ? (cause.cause instanceof Error ? cause.cause.message : cause.message) : ''
      throw new ServiceError(`Flagstaff cannot be reached at ${url}: ${reason}`, { status: 0, code: 'unreachable' })
    })
    const text = await response.text()
    if (!response.ok) throw errorOf(response, text)
    return text === '' ? undefined : JSON.parse(text)
  }
}

const managerPath = ({ project, environment }: Environment, manager: string): string =>
  `/api/v1/projects/${project}/environments/${environment}/managers/${encodeURIComponent(manager)}`

function errorOf({ status, headers }: Response, text: string): ServiceError {
  const seconds = Number(headers.get('retry-after') ?? Number.NaN)
  const retryAfterMs = Number.isFinite(seconds) ? seconds * 1_000 : undefined
  const { code, detail } = problemIn(text)
  return new ServiceError(detail ?? `Flagstaff answered ${status}`, { status, code, retryAfterMs })
}

function problemIn(text: string): v.InferOutput<typeof Problem> {
  try {
    return v.parse(Problem, JSON.parse(text))
  } catch {
    return { code: 'unknown', detail: undefined }
  }
}
