import type { MiddlewareHandler } from 'hono'
import { FlagError } from '../flag/error.ts'

/** Largest body of the management API: a flag set of some 20,000 flags. */
export const MANAGEMENT_BYTES_MAX = 16 * 1024 * 1024

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
 * and with `invalid` if its framing is wrong or the client disconnects.
 */
export function readText(request: Request, bytesMax: number): Promise<string | undefined> {
  const length = request.headers.get('content-length')
  if (length !== null && Number(length) > bytesMax) return Promise.reject(tooLarge())
  // With a length the server reads no more than that. Bun takes 20 µs longer to read a stream, as long as an evaluation.
  const bytes = length === null ? readBytes(request, bytesMax) : request.arrayBuffer().catch(unreadable)
  return bytes.then((read) => textOf(read, bytesMax))
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
