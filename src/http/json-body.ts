import { FlagError } from '../flag/error.ts'

/** Largest body of the management API: a flag set of some 20,000 flags. */
export const MANAGEMENT_BYTES_MAX = 16 * 1024 * 1024

const utf8 = new TextDecoder('utf-8', { fatal: true })

/**
 * Reads a body of at most `bytesMax` bytes as text; undefined for what is no UTF-8. Rejects with `too_large` as soon as it must be longer,
 * and when the client goes away.
 */
export async function readText(request: Request, bytesMax: number): Promise<string | undefined> {
  if (Number(request.headers.get('content-length') ?? 0) > bytesMax) throw tooLarge()
  return textOf(await readChunks(request, bytesMax))
}

/** The text of bytes; undefined for what is no UTF-8. */
export function textOf(bytes: Uint8Array): string | undefined {
  try {
    return utf8.decode(bytes)
  } catch {
    return undefined
  }
}

async function readChunks(request: Request, bytesMax: number): Promise<Uint8Array> {
  if (!request.body) return new Uint8Array()
  const chunks: Uint8Array[] = []
  let bytes = 0
  // Not cancelled when too large: on Node that would cut the connection before the answer is sent.
  const reader = request.body.getReader()
  while (bytes <= bytesMax) {
    const { done, value } = await reader.read()
    if (done) return Buffer.concat(chunks)
    chunks.push(value)
    bytes += value.byteLength
  }
  throw tooLarge()
}

export const tooLarge = (): FlagError => new FlagError('too_large', 'request body too large')
