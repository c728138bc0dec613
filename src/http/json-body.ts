import { FlagError } from '../flag/error.ts'

/** Largest body of the management API: a flag set of some 20,000 flags. */
export const MANAGEMENT_BYTES_MAX = 16 * 1024 * 1024

const utf8 = new TextDecoder('utf-8', { fatal: true })

/**
 * Reads a body of at most `bytesMax` bytes; throws `too_large` as soon as it must be longer, `invalid` when the client goes away.
 * A body that announces its length is read in one piece, which is faster: the HTTP parser reads no more than announced.
 */
export async function readBody(request: Request, bytesMax: number): Promise<Uint8Array> {
  const length = request.headers.get('content-length')
  if (length !== null && Number(length) > bytesMax) throw tooLarge()
  const isAnnounced = length !== null && !request.headers.has('transfer-encoding')
  const body = isAnnounced
    ? new Uint8Array(await request.arrayBuffer().catch(gone))
    : await readChunks(request, bytesMax)
  if (body.byteLength > bytesMax) throw tooLarge()
  return body
}

/** Parses UTF-8 JSON text; undefined for no text at all. Throws on anything else. */
export function parseJson(body: Uint8Array): unknown {
  return body.byteLength === 0 ? undefined : JSON.parse(utf8.decode(body))
}

async function readChunks(request: Request, bytesMax: number): Promise<Uint8Array> {
  if (!request.body) return new Uint8Array()
  const chunks: Uint8Array[] = []
  let bytes = 0
  // Not cancelled when too large: on Node that would cut the connection before the answer is sent.
  const reader = request.body.getReader()
  while (bytes <= bytesMax) {
    const { done, value } = await reader.read().catch(gone)
    if (done) return Buffer.concat(chunks)
    chunks.push(value)
    bytes += value.byteLength
  }
  throw tooLarge()
}

const tooLarge = () => new FlagError('too_large', 'request body too large')

function gone(): never {
  throw new FlagError('invalid', 'Cannot read the body')
}
