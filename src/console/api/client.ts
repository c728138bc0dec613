import { SERVICE } from '../app/paths.ts'
import { type Read, takeAhead } from './ahead.ts'
import type { Api } from './gen/api.ts'

/** A mistake in what was sent: a JSON Pointer into the body, and what is wrong there. */
export type ApiMistake = { readonly pointer: string; readonly detail: string }

/** A request that the service refused (RFC 9457), or that did not reach it: then `status` is 0 and `code` is `unreachable`. */
export class ApiError extends Error {
  override name = 'ApiError'
  readonly status: number
  readonly code: string
  readonly mistakes: readonly ApiMistake[]

  constructor(
    message: string,
    { status, code, mistakes = [] }: { status: number; code: string; mistakes?: readonly ApiMistake[] },
  ) {
    super(message)
    this.status = status
    this.code = code
    this.mistakes = mistakes
  }
}

type Operation = keyof Api
type Part<Name extends string, Of> = Name extends keyof Of ? { [Key in Name]: Of[Key] } : unknown
type Given<Of> = Part<'path', Of> & Partial<Part<'query', Of>> & Part<'body', Of>
type Options = {
  /** The ETag that the object must still have: If-Match. */
  readonly ifMatch?: string | undefined
  /** True fails if the object exists already: If-None-Match. */
  readonly isNew?: boolean
  readonly signal?: AbortSignal | undefined
}
/** What an operation answered. `etag` is that of the object read or written. */
export type Answered<Of extends Operation> = { readonly data: Api[Of]['response']; readonly etag: string | undefined }

/**
 * Calls an operation of the management API, named as in its document: `call('GET /api/v1/projects/{project}', { path: { project } })`.
 * Throws ApiError.
 */
export async function call<Of extends Operation>(
  operation: Of,
  given: Given<Api[Of]>,
  options: Options = {},
): Promise<Answered<Of>> {
  const { path = {}, query = {}, body } = given as { path?: Texts; query?: QueryValues; body?: unknown }
  const [method = '', template = ''] = operation.split(' ')
  const url =
    template.replace(/\{(\w+)\}/g, (_, name: string) => encodeURIComponent(path[name] ?? '')) + searchOf(query)
  const answered = method === 'GET' ? read(url, options) : noted(exchange(method, url, { body, ...options }))
  return (await answered) as Answered<Of>
}

const writes = new Set<Promise<unknown>>()

function noted<Of>(write: Promise<Of>): Promise<Of> {
  const ended = write.finally(() => writes.delete(ended))
  writes.add(ended)
  return ended
}

/** Resolves when the writes that are under way have ended and what they answered is shown. Never rejects. */
export async function writesEnded(): Promise<void> {
  await Promise.allSettled(writes)
  await new Promise((resolve) => setTimeout(resolve)) // after those who wait for the answers
}

/** What a GET of `send` answers, which may have been sent ahead. Throws ApiError. */
export const read = (url: string, options: Options = {}): Promise<Read> =>
  takeAhead(url) ?? exchange('GET', url, options)

async function exchange(method: string, url: string, sent: Sent): Promise<Read> {
  const response = await send(method, url, sent)
  const text = await response.text()
  return { data: text === '' ? undefined : JSON.parse(text), etag: response.headers.get('etag') ?? undefined }
}

type Texts = Record<string, string>
type QueryValues = Record<string, string | readonly string[] | undefined>
/** `body`: JSON, or a file with it, which is sent as it is. */
type Sent = Options & { readonly body?: unknown }

/** Sends one request to the service, below its path, and returns its response if it succeeded. Throws ApiError. */
export async function send(
  method: string,
  url: string,
  { body, ifMatch, isNew, signal }: Sent = {},
): Promise<Response> {
  const headers = new Headers({ accept: 'application/json', 'x-flagstaff-console': '1' })
  // Also without a body: the service accepts no POST of another type, which a form of another origin could send.
  if (body !== undefined || method === 'POST') headers.set('content-type', 'application/json')
  if (ifMatch !== undefined) headers.set('if-match', ifMatch)
  if (isNew) headers.set('if-none-match', '*')
  const content = body === undefined ? null : body instanceof Blob ? body : JSON.stringify(body)
  const init = { method, headers, body: content, cache: 'no-cache' as const, signal: signal ?? null }
  const response = await fetch(SERVICE + url, init).catch((cause: unknown) => {
    if (signal?.aborted) throw cause
    throw new ApiError('The service cannot be reached', { status: 0, code: 'unreachable' })
  })
  if (!response.ok) throw await errorOf(response)
  return response
}

function searchOf(query: QueryValues): string {
  const given = Object.entries(query).flatMap(([name, value = []]) => [value].flat().map((text) => [name, text]))
  return given.length === 0 ? '' : `?${new URLSearchParams(given)}`
}

async function errorOf(response: Response): Promise<ApiError> {
  const { status } = response
  const isProblem = response.headers.get('content-type')?.includes('json')
  const problem = isProblem ? await response.json().catch(() => undefined) : undefined
  const { code = 'unknown', detail, title, errors } = problem ?? {}
  return new ApiError(detail ?? title ?? `The service answered ${status}`, { status, code, mistakes: errors })
}
