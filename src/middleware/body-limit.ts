import type { IncomingMessage } from 'node:http'
import type { MiddlewareHandler } from 'hono'
import { DOCUMENT_BYTES_MAX } from '../flag/definition.ts'
import { FlagError } from '../flag/error.ts'

/** Largest body of the management API: a whole flag set. */
export const MANAGEMENT_BYTES_MAX = DOCUMENT_BYTES_MAX

const utf8 = new TextDecoder('utf-8', { fatal: true })

/**
 * Limits `c.req.text()` and `c.req.json()` to `bytesMax` bytes, with Content-Length or chunked. The body is read only when a handler reads
 * it: a request without a key costs no memory. `hono/body-limit` would construct a new `Request` from a chunked one, which fails with the
 * request class of @hono/node-server.
 */
export function bodyLimit(bytesMax: number): MiddlewareHandler {
  return async (c, next) => {
    let text: Promise<string> | undefined
    const read = () => {
      text ??= readBody(c.req.raw, bytesMax)
      return text
    }
    Object.defineProperty(c.req.bodyCache, 'text', { get: read, enumerable: true })
    await next()
  }
}

async function readBody(request: Request, bytesMax: number): Promise<string> {
  const text = await readText(request, bytesMax)
  if (text === undefined) throw new FlagError('invalid', 'The body is not UTF-8')
  return text
}

/**
 * Reads a body of at most `bytesMax` bytes as text; undefined if it is not UTF-8. Rejects with `too_large` as soon as the body exceeds that,
 * and with `invalid` if its framing is wrong or the client disconnects. `env` is what the runtime's server passes beside the request.
 */
export function readText(request: Request, bytesMax: number, env?: unknown): Promise<string | undefined> {
  const length = request.headers.get('content-length')
  if (length !== null && Number(length) > bytesMax) return Promise.reject(tooLarge())
  const decode = (bytes: ArrayBuffer | Uint8Array) => textOf(bytes, bytesMax)
  // With a length the server reads no more than that. Bun takes 20 µs longer to read a stream, as long as an evaluation.
  if (length === null) return readBytes(request, bytesMax).then(decode)
  const incoming = unreadIncoming(env)
  return (incoming ? readIncoming(incoming) : request.arrayBuffer()).then(decode, unreadable)
}

/** The message of Node's server, if it is still to be read. */
function unreadIncoming(env: unknown): IncomingMessage | undefined {
  if (typeof env !== 'object' || env === null || !('incoming' in env)) return undefined
  const incoming = env.incoming as IncomingMessage
  return incoming.httpVersionMajor === 1 && !incoming.destroyed && !incoming.readableDidRead ? incoming : undefined
}

/** Reads a whole message without the copy and the bookkeeping of @hono/node-server, which take 4 µs of an evaluation's 50. */
function readIncoming(incoming: IncomingMessage): Promise<Uint8Array> {
  const { promise, resolve, reject } = Promise.withResolvers<Uint8Array>()
  const chunks: Uint8Array[] = []
  incoming.on('data', (chunk) => chunks.push(chunk))
  incoming.on('end', () => resolve(chunks.length === 1 && chunks[0] ? chunks[0] : Buffer.concat(chunks)))
  incoming.on('error', reject)
  incoming.on('close', reject)
  return promise
}

function textOf(bytes: ArrayBuffer | Uint8Array, bytesMax: number): string | undefined {
  if (bytes.byteLength > bytesMax) throw tooLarge()
  try {
    return utf8.decode(bytes)
  } catch {
    return undefined
  }
}

async function readBytes({ body }: Request, bytesMax: number): Promise<Uint8Array> {
  if (!body) return new Uint8Array()
  const chunks: Uint8Array[] = []
  let bytes = 0
  // Not cancelled when too large: on Node that would end the connection before the response is sent.
  const reader = body.getReader()
  while (bytes <= bytesMax) {
    const { done, value } = await reader.read().catch(unreadable)
    if (done) return Buffer.concat(chunks)
    chunks.push(value)
    bytes += value.byteLength
  }
  throw tooLarge()
}

/** The error of the runtime says no more than this: the client sent no complete body. */
function unreadable(): never {
  throw new FlagError('invalid', 'Cannot read the body')
}

/** The text that flagd sends; OFREP's responses contain it. */
const tooLarge = () => new FlagError('too_large', 'request body too large')
