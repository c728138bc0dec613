import { once } from 'node:events'
import http2, { type ClientHttp2Session, type IncomingHttpHeaders, type OutgoingHttpHeaders } from 'node:http2'

/** The response on one HTTP/2 stream. The status of the call is in the trailers, or in the headers if there is no message. */
export type H2Answer = {
  readonly headers: IncomingHttpHeaders
  readonly trailers: IncomingHttpHeaders
  readonly body: Buffer
  readonly status: number | undefined
}

/** One gRPC frame. */
export function frame(bytes: Uint8Array, flags = 0): Buffer {
  const head = Buffer.alloc(5)
  head.writeUInt8(flags, 0)
  head.writeUInt32BE(bytes.byteLength, 1)
  return Buffer.concat([head, bytes])
}

/** A bare HTTP/2 client, which sends exactly what a test passes to it. */
export class H2Client {
  readonly session: ClientHttp2Session

  constructor(address: string, options: http2.SecureClientSessionOptions = {}) {
    this.session = http2.connect(address, options)
    this.session.on('error', () => undefined)
  }

  /** Sends each chunk in its own frames and collects the response. Rejects if the stream breaks or nothing arrives in 5 s. */
  async send(headers: OutgoingHttpHeaders, chunks: readonly Uint8Array[] = [], isEnded = true): Promise<H2Answer> {
    const grpc = { ':method': 'POST', 'content-type': 'application/grpc', te: 'trailers' }
    const stream = this.session.request({ ...grpc, ...headers })
    const late = setTimeout(() => stream.destroy(new Error('Nothing came back in 5 s')), 5_000)
    let trailers: IncomingHttpHeaders = {}
    stream.on('trailers', (got) => {
      trailers = got
    })
    const parts: Buffer[] = []
    stream.on('data', (part: Buffer) => parts.push(part))
    stream.on('error', () => undefined)
    const closed = once(stream, 'close')
    closed.catch(() => undefined)
    const answered = once(stream, 'response') as Promise<[IncomingHttpHeaders]>
    answered.catch(() => undefined)
    for (const chunk of chunks) {
      stream.write(chunk)
      await new Promise((resolve) => setImmediate(resolve))
    }
    if (isEnded) stream.end()
    try {
      const [headers] = await answered
      if (isEnded) await closed
      else await Promise.race([closed, once(stream, 'end')])
      const status = trailers['grpc-status'] ?? headers['grpc-status']
      return {
        headers,
        trailers: { ...headers, ...trailers },
        body: Buffer.concat(parts),
        status: status === undefined ? undefined : Number(status),
      }
    } finally {
      clearTimeout(late)
      if (!stream.closed) stream.close(http2.constants.NGHTTP2_CANCEL)
    }
  }

  close(): void {
    this.session.destroy()
  }
}
