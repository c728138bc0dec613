import http2, {
  type IncomingHttpHeaders,
  type OutgoingHttpHeaders,
  type ServerHttp2Stream,
  type ServerStreamResponseOptions,
} from 'node:http2'
import type { DescMessage, MessageShape } from '@bufbuild/protobuf'
import type { Header } from '../cache/authenticator.ts'
import type { LogLine } from '../telemetry/log.ts'
import type { Span } from '../telemetry/span.ts'
import { ENCODINGS, type Frame, Frames, frameOf, messageOf, unpack } from './framing.ts'
import type { Call, Method } from './service.ts'
import { RpcError, rpcErrorOf, Status } from './status.ts'
import { Patience } from './stream-timeouts.ts'
import { timeoutMs } from './timeout.ts'

export type CallOptions = {
  readonly headers: IncomingHttpHeaders
  readonly path: string
  readonly bytesMax: number
  readonly log: LogLine
}

const { NGHTTP2_CANCEL, NGHTTP2_NO_ERROR } = http2.constants
const HEADERS: OutgoingHttpHeaders = { ':status': 200, 'content-type': 'application/grpc' }
/** gRPC has no use for a date. */
const WITH_TRAILERS: ServerStreamResponseOptions & { sendDate: false } = { waitForTrailers: true, sendDate: false }
const OK: OutgoingHttpHeaders = { 'grpc-status': String(Status.ok) }
/**
 * Errors that a retry cannot change: they describe the flag or the request. Their headers are sent before their trailers, because a
 * client's retry policy applies only to a call that has received no headers (gRFC A6, "When Retries are Valid"). Every other error is
 * Trailers-Only, as grpc-go's server sends it, and may be retried.
 */
const FINAL: ReadonlySet<Status> = new Set([Status.unknown, Status.invalidArgument, Status.notFound, Status.dataLoss])
/** A client that takes longer to send its message, or to take one of ours, is cut. */
const STUCK_MS = 30_000

const patience = new Patience(STUCK_MS, NGHTTP2_CANCEL)

/** One gRPC call on one HTTP/2 stream. Made for each call, so it makes as little as it can. */
export class GrpcCall implements Call, Header {
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
    const { headers } = this.#options
    return headers[':authority']?.toString() ?? headers.host ?? ''
  }

  /** Made when it is first asked for: a call that is answered at once needs none. */
  get signal(): AbortSignal {
    if (this.#abort) return this.#abort.signal
    const abort = new AbortController()
    this.#abort = abort
    const leave = () => abort.abort(new RpcError(Status.cancelled, 'The client left'))
    if (this.#stream.destroyed) leave()
    else this.#stream.once('close', leave)
    return abort.signal
  }

  /** Reads what the client sends and answers it by `method`. */
  answer(method: Method): void {
    const { input, output } = method.desc
    if (method.kind === 'unary')
      this.#receive(input, (request) => this.#reply(output, () => method.answer(request, this)))
    else if (method.kind === 'server_streaming')
      this.#receive(input, (request) => this.#send(output, () => method.answer(request, this)))
    else void this.#send(output, () => method.answer(this.#requests(input), this))
  }

  /** Ends the call with an error. */
  fail(error: unknown): void {
    const { path, log } = this.#options
    if (this.#isEnded || this.#stream.destroyed) return
    const { status, message } = rpcErrorOf(error, { method: path, log, header: this })
    if (FINAL.has(status) && !this.#stream.headersSent) this.#respond()
    this.#end({ 'grpc-status': String(status), 'grpc-message': escapeMessage(message) })
  }

  /** Waits for the one message of a call that has one. */
  #receive(schema: DescMessage, then: (request: MessageShape<DescMessage>) => void): void {
    const stream = this.#stream
    const frames = new Frames(this.#options.bytesMax)
    let first: Frame | undefined
    const take = (chunk: Buffer) => {
      for (const frame of frames.take(chunk)) {
        if (first) throw new RpcError(Status.unimplemented, 'More than one message came')
        first = frame
      }
    }
    patience.add(stream)
    stream.on('data', (chunk: Buffer) => this.#attempt(() => take(chunk)))
    stream.on('end', () => {
      patience.delete(stream)
      if (this.#isEnded || stream.destroyed) return
      this.#attempt(() => {
        if (!first || frames.isBroken) throw new RpcError(Status.internal, 'The message is not whole')
        const message = this.#read(schema, first)
        if (message instanceof Promise) message.then(then).catch((error) => this.fail(error))
        else then(message)
      })
    })
  }

  /** The messages of a call that may have many, as fast as they are answered. */
  async *#requests(schema: DescMessage): AsyncGenerator<MessageShape<DescMessage>> {
    const frames = new Frames(this.#options.bytesMax)
    // Destroying the stream at the first error would leave the call without a status.
    for await (const chunk of this.#stream.iterator({ destroyOnReturn: false }))
      for (const frame of frames.take(chunk)) yield await this.#read(schema, frame)
    if (frames.isBroken) throw new RpcError(Status.internal, 'The message is not whole')
  }

  #read(
    schema: DescMessage,
    { isCompressed, bytes }: Frame,
  ): MessageShape<DescMessage> | Promise<MessageShape<DescMessage>> {
    if (!isCompressed) return messageOf(schema, bytes)
    const unpacked = unpack(bytes, this.header.get('grpc-encoding') ?? undefined, this.#options.bytesMax)
    return unpacked.then((whole) => messageOf(schema, whole))
  }

  /** Answers with one message. */
  #reply(schema: DescMessage, answer: () => MessageShape<DescMessage> | Promise<MessageShape<DescMessage>>): void {
    const finish = (message: MessageShape<DescMessage>) => this.#end(OK, frameOf(schema, message))
    const message = answer()
    if (message instanceof Promise) message.then(finish).catch((error) => this.fail(error))
    else finish(message)
  }

  /** Answers with many messages, each when the client has taken the one before. */
  async #send(schema: DescMessage, answer: () => AsyncIterable<MessageShape<DescMessage>>): Promise<void> {
    let deadline: NodeJS.Timeout | undefined
    try {
      deadline = this.#deadline()
      for await (const message of answer()) {
        if (this.#stream.destroyed) return
        if (!this.#stream.headersSent) this.#respond()
        if (!this.#stream.write(frameOf(schema, message))) await this.#drained()
      }
      this.#end(OK)
    } catch (error) {
      this.fail(error)
    } finally {
      clearTimeout(deadline)
    }
  }

  #deadline(): NodeJS.Timeout | undefined {
    const ms = timeoutMs(this.header.get('grpc-timeout'))
    if (ms === undefined) return undefined
    const { signal } = this
    return setTimeout(() => {
      if (!signal.aborted) this.#abort?.abort(new RpcError(Status.deadlineExceeded, 'The deadline has passed'))
    }, ms)
  }

  #drained(): Promise<void> {
    const stream = this.#stream
    return new Promise((resolve) => {
      patience.add(stream)
      const done = () => {
        patience.delete(stream)
        stream.off('drain', done)
        stream.off('close', done)
        resolve()
      }
      stream.on('drain', done)
      stream.on('close', done)
    })
  }

  #attempt(work: () => void): void {
    try {
      work()
    } catch (error) {
      this.fail(error)
    }
  }

  #respond(): void {
    const stream = this.#stream
    stream.respond(this.span ? { ...HEADERS, traceresponse: this.span.traceparent } : HEADERS, WITH_TRAILERS)
    stream.on('wantTrailers', () => stream.sendTrailers(this.#trailers))
  }

  /** Ends the call, with a last message if there is one; without any message, head and trailers are one. */
  #end(trailers: OutgoingHttpHeaders, last?: Buffer): void {
    const stream = this.#stream
    if (this.#isEnded || stream.destroyed) return
    this.#isEnded = true
    this.#trailers = trailers
    if (last && !stream.headersSent) this.#respond()
    if (stream.headersSent) stream.end(last)
    else stream.respond({ ...HEADERS, 'grpc-accept-encoding': ENCODINGS, ...trailers }, { endStream: true })
    // What the client still sends is read by nobody.
    if (!stream.readableEnded) stream.close(NGHTTP2_NO_ERROR)
  }
}

/** `grpc-message`: printable ASCII as it is, everything else, and "%", as its UTF-8 bytes in percent-encoding. */
const escapeMessage = (text: string): string =>
  text.toWellFormed().replace(/[^\x20-\x24\x26-\x7e]/gu, (character) => encodeURIComponent(character))
