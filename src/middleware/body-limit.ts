import type { MiddlewareHandler } from 'hono'
import { FlagError } from '../flag/error.ts'

/** Largest body of the management API: a flag set of some 20,000 flags. */
export const MANAGEMENT_BYTES_MAX = 16 * 1024 * 1024

const utf8 = new TextDecoder('utf-8', { fatal: true })

/**
 * Limits what handlers read with `c.req.text()` and `c.req.json()` to `bytesMax` bytes, whether the request has a Content-Length or comes
 * in chunks. The body is read when a handler reads it and not before: a request without a key costs no memory. `hono/body-limit` makes a new
 * `Request` of a chunked one, which fails on @hono/node-server's.
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
 * Reads a body of at most `bytesMax` bytes as text; undefined for what is not UTF-8. Rejects with `too_large` as soon as it must be longer,
 * and with `invalid` when its framing is wrong or the client goes away.
 */
export async function readText(request: Request, bytesMax: number): Promise<string | undefined> {
  if (Number(request.headers.get('content-length') ?? 0) > bytesMax) throw tooLarge()
  const bytes = await readBytes(request, bytesMax)
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

/** Of the runtime's error only the fact is of use: the client sent no complete body, which is no fault of the service. */
function unreadable(): never {
  throw new FlagError('invalid', 'Cannot read the body')
}

/** In flagd's words, which OFREP's responses repeat. */
const tooLarge = () => new FlagError('too_large', 'request body too large')
