import http2, {
  type IncomingHttpHeaders,
  type OutgoingHttpHeaders,
  type ServerHttp2Stream,
  type ServerStreamResponseOptions,
} from 'node:http2'
import type { DescMessage, MessageShape } from '@bufbuild/protobuf'
import type { LogLine } from '../telemetry/log.ts'
import type { Span } from '../telemetry/span.ts'
import type { Header } from '../telemetry/trace-context.ts'
import {
  decodeMessage,
  decompress,
  ENCODINGS,
  encodeFrame,
  encodeStatusMessage,
  FrameDecoder,
  type MessageFrame,
  parseTimeout,
} from './framing.ts'
import { type CallContext, type Method, RpcError, StatusCode, toRpcError } from './service.ts'
import { disconnected, StreamTimeouts } from './stream-limits.ts'

export type CallOptions = {
  readonly headers: IncomingHttpHeaders
  readonly path: string
  /** Maximum length of a request message. */
  readonly bytesMax: number
  readonly log: LogLine
}
type Message = MessageShape<DescMessage>

const { NGHTTP2_CANCEL, NGHTTP2_NO_ERROR } = http2.constants
const HEADERS: OutgoingHttpHeaders = { ':status': 200, 'content-type': 'application/grpc' }
/** gRPC does not use `date`. */
const WITH_TRAILERS: ServerStreamResponseOptions & { sendDate: false } = { waitForTrailers: true, sendDate: false }
const OK: OutgoingHttpHeaders = { 'grpc-status': String(StatusCode.ok) }
/** Maximum time for a client to send its request message, or to receive one message. */
const STALLED_MS = 30_000

const timeouts = new StreamTimeouts(STALLED_MS, NGHTTP2_CANCEL)

/** One gRPC call on one HTTP/2 stream. Created for each call, so it allocates little: it is its own context and header reader. */
export class GrpcCall implements CallContext, Header {
  readonly system = 'grpc'
  span: Span | undefined
  readonly #stream: ServerHttp2Stream
  readonly #options: CallOptions
  #trailers = OK
  #isEnded = false
  #abort: AbortController | undefined

  constructor(stream: ServerHttp2Stream, options: CallOptions) {
    this.#stream = stream
    this.#options = options
  }

  get header(): Header {
    return this
  }

  get(name: string): string | null {
    return this.#options.headers[name]?.toString() ?? null
  }

  get authority(): string {
    return this.get(':authority') ?? this.get('host') ?? ''
  }

  /** Created at the first use: most unary calls need none. */
  get signal(): AbortSignal {
    if (this.#abort) return this.#abort.signal
    const abort = new AbortController()
    this.#abort = abort
    const cancel = () => abort.abort(disconnected())
    if (this.#stream.destroyed) cancel()
    else this.#stream.once('close', cancel)
    return abort.signal
  }

  /** Reads the request and responds with the result of `method`. */
  handle(method: Method): void {
    const { input, output } = method.desc
    if (method.kind === 'unary')
      this.#readMessage(input, (request) => this.#sendMessage(output, method.handle(request, this)))
    else if (method.kind === 'server_streaming')
      this.#readMessage(input, (request) => this.#sendStream(output, () => method.handle(request, this)))
    else void this.#sendStream(output, () => method.handle(this.#readStream(input), this))
  }

  /**
   * Ends the call with an error. A final error sends headers before trailers, because a client's retry policy applies only until headers arrive
   * (gRFC A6, "When Retries are Valid"). Every other error is Trailers-Only, as grpc-go's server sends it, and may be retried.
   */
  fail(error: unknown): void {
    const { path, log } = this.#options
    if (this.#isEnded || this.#stream.destroyed) return
    const { status, message, isFinal } = toRpcError(error, { method: path, log, header: this })
    if (isFinal && !this.#stream.headersSent) this.#sendHeaders()
    this.#end({ 'grpc-status': String(status), 'grpc-message': encodeStatusMessage(message) })
  }

  /** Reads the only message of a unary or server-streaming call. */
  #readMessage(schema: DescMessage, onMessage: (request: Message) => void): void {
    const stream = this.#stream
    const decoder = new FrameDecoder(this.#options.bytesMax)
    let first: MessageFrame | undefined
    const add = (chunk: Buffer) => {
      for (const frame of decoder.decode(chunk)) {
        if (first) throw new RpcError(StatusCode.unimplemented, 'Expected one message')
        first = frame
      }
    }
    timeouts.add(stream)
    stream.on('data', (chunk: Buffer) => this.#attempt(() => add(chunk)))
    stream.on('end', () => {
      timeouts.delete(stream)
      if (this.#isEnded || stream.destroyed) return
      this.#attempt(() => {
        if (!first || decoder.isIncomplete) throw incomplete()
        const message = this.#decode(schema, first)
        if (message instanceof Promise) message.then(onMessage).catch((error) => this.fail(error))
        else onMessage(message)
      })
    })
  }

  /** Reads the messages of a bidirectional call at the pace of the handler. */
  async *#readStream(schema: DescMessage): AsyncGenerator<Message> {
    const decoder = new FrameDecoder(this.#options.bytesMax)
    // With the default, an error in the loop would destroy the stream before it has a status.
    for await (const chunk of this.#stream.iterator({ destroyOnReturn: false }))
      for (const frame of decoder.decode(chunk)) yield await this.#decode(schema, frame)
    if (decoder.isIncomplete) throw incomplete()
  }

  #decode(schema: DescMessage, { isCompressed, bytes }: MessageFrame): Message | Promise<Message> {
    if (!isCompressed) return decodeMessage(schema, bytes)
    const plain = decompress(bytes, this.get('grpc-encoding') ?? undefined, this.#options.bytesMax)
    return plain.then((message) => decodeMessage(schema, message))
  }

  #sendMessage(schema: DescMessage, response: Message | Promise<Message>): void {
    const send = (message: Message) => this.#end(OK, encodeFrame(schema, message))
    if (response instanceof Promise) response.then(send).catch((error) => this.fail(error))
    else send(response)
  }

  /** Sends messages one by one; waits until the client has received each. */
  async #sendStream(schema: DescMessage, responses: () => AsyncIterable<Message>): Promise<void> {
    let deadline: NodeJS.Timeout | undefined
    try {
      deadline = this.#startDeadline()
      for await (const message of responses()) {
        if (this.#stream.destroyed) return
        if (!this.#stream.headersSent) this.#sendHeaders()
        if (!this.#stream.write(encodeFrame(schema, message))) await this.#drained()
      }
      this.#end(OK)
    } catch (error) {
      this.fail(error)
    } finally {
      clearTimeout(deadline)
    }
  }

  #startDeadline(): NodeJS.Timeout | undefined {
    const ms = parseTimeout(this.get('grpc-timeout'))
    if (ms === undefined) return undefined
    const { signal } = this
    return setTimeout(() => {
      if (!signal.aborted) this.#abort?.abort(new RpcError(StatusCode.deadlineExceeded, 'Deadline exceeded'))
    }, ms)
  }

  async #drained(): Promise<void> {
    const stream = this.#stream
    const { promise, resolve } = Promise.withResolvers<void>()
    timeouts.add(stream)
    stream.on('drain', resolve).on('close', resolve)
    await promise
    timeouts.delete(stream)
    stream.off('drain', resolve).off('close', resolve)
  }

  #attempt(work: () => void): void {
    try {
      work()
    } catch (error) {
      this.fail(error)
    }
  }

  #sendHeaders(): void {
    const stream = this.#stream
    stream.respond(this.span ? { ...HEADERS, traceresponse: this.span.traceparent } : HEADERS, WITH_TRAILERS)
    stream.on('wantTrailers', () => {
      stream.sendTrailers(this.#trailers)
      // Node writes the trailers after this callback; a reset within it would discard them.
      if (!stream.readableEnded) setImmediate(() => stream.close(NGHTTP2_NO_ERROR))
    })
  }

  /**
   * Ends the call, after a last message if there is one. Without headers and message the response is Trailers-Only. A client that is still sending
   * its request gets a reset after the trailers.
   */
  #end(trailers: OutgoingHttpHeaders, last?: Buffer): void {
    const stream = this.#stream
    if (this.#isEnded || stream.destroyed) return
    this.#isEnded = true
    this.#trailers = trailers
    if (last && !stream.headersSent) this.#sendHeaders()
    if (stream.headersSent) {
      stream.end(last)
      return
    }
    stream.respond({ ...HEADERS, 'grpc-accept-encoding': ENCODINGS, ...trailers }, { endStream: true })
    if (!stream.readableEnded) stream.close(NGHTTP2_NO_ERROR)
  }
}

const incomplete = () => new RpcError(StatusCode.internal, 'The message is incomplete')
