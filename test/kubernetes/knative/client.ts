import { once } from 'node:events'
import type { IncomingMessage } from 'node:http'
import { Agent, request } from 'node:https'
import { createInterface } from 'node:readline'
import { setTimeout as sleep } from 'node:timers/promises'

/** An object of the API server, of any kind. */
export type Resource = {
  readonly kind?: string
  readonly metadata: {
    readonly name: string
    readonly namespace?: string
    readonly uid?: string
    readonly resourceVersion?: string
    readonly generation?: number
    readonly deletionTimestamp?: string
    readonly labels?: Readonly<Record<string, string>>
  }
  readonly spec?: any
  readonly status?: any
  readonly [member: string]: any
}
/** All objects of one kind, kept up to date by a watch. */
export type Informer = {
  /** By namespace and name, joined by a slash. */
  readonly all: ReadonlyMap<string, Resource>
  readonly [Symbol.iterator]: () => Iterator<Resource>
}
export type Client = {
  /** Resolves with the answer's status and JSON. */
  call(method: string, path: string, body?: object, contentType?: string): Promise<{ status: number; body: any }>
  /** Merges `patch` into the object; no error if the object is gone or has just changed. */
  patch(path: string, patch: object): Promise<void>
  /** Lists and then watches; `onChange` is called after each change. */
  inform(path: string, onChange: () => void): Promise<Informer>
  close(): void
}

const AGAIN_MS = 200
const TRIES = 50
export const MERGE = 'application/merge-patch+json'

/** A client of the API server at `server`, as the owner of `token`. */
export function openClient({ server, ca, token }: { server: string; ca: Buffer; token: string }): Client {
  const agent = new Agent({ keepAlive: true, ca })
  const closed = new AbortController()
  const send = async (method: string, path: string, body?: object, contentType = 'application/json') => {
    const text = body && JSON.stringify(body)
    // Node sends the body of a DELETE without its length, and the server would read it as another request.
    const described = text && { 'content-type': contentType, 'content-length': Buffer.byteLength(text) }
    const headers = { authorization: `Bearer ${token}`, ...described }
    const sent = request(`${server}${path}`, { method, agent, headers, signal: closed.signal })
    sent.end(text)
    const [response] = (await once(sent, 'response')) as [IncomingMessage]
    return response
  }
  const call: Client['call'] = async (...args) => {
    const response = await send(...args)
    const chunks: Buffer[] = []
    for await (const chunk of response) chunks.push(chunk)
    return { status: response.statusCode ?? 0, body: JSON.parse(Buffer.concat(chunks).toString() || 'null') }
  }
  const list = async (path: string, all: Map<string, Resource>) => {
    let { status, body } = await call('GET', path)
    // Just after a definition was established, the server is not ready for its objects.
    for (let tries = 0; status === 429 && tries < TRIES; tries += 1) {
      await sleep(AGAIN_MS)
      ;({ status, body } = await call('GET', path))
    }
    if (status !== 200) throw new Error(`GET ${path}: ${status} ${JSON.stringify(body)}`)
    all.clear()
    for (const one of body.items) all.set(keyOf(one), one)
    return body.metadata.resourceVersion
  }
  const follow = async (path: string, all: Map<string, Resource>, { version, onChange }: Follow) => {
    const response = await send('GET', `${path}?watch=1&allowWatchBookmarks=true&resourceVersion=${version}`)
    for await (const line of createInterface(response)) {
      const { type, object } = JSON.parse(line)
      if (type === 'ERROR') return
      if (type === 'BOOKMARK') continue
      if (type === 'DELETED') all.delete(keyOf(object))
      else all.set(keyOf(object), object)
      onChange()
    }
  }
  return {
    call,
    async patch(path, patch) {
      const { status, body } = await call('PATCH', path, patch, MERGE)
      if (status !== 200 && status !== 404 && status !== 409)
        throw new Error(`PATCH ${path}: ${status} ${JSON.stringify(body)}`)
    },
    async inform(path, onChange) {
      const all = new Map<string, Resource>()
      let version = await list(path, all)
      void (async () => {
        while (!closed.signal.aborted) {
          await follow(path, all, { version, onChange }).catch(() => undefined)
          await sleep(AGAIN_MS)
          if (closed.signal.aborted) return
          version = await list(path, all).catch(() => version)
          onChange()
        }
      })()
      return { all, [Symbol.iterator]: () => all.values() }
    },
    close() {
      closed.abort()
      agent.destroy()
    },
  }
}

type Follow = { readonly version: string; readonly onChange: () => void }

const keyOf = ({ metadata }: Resource): string => `${metadata.namespace ?? ''}/${metadata.name}`
