import {
  create,
  type DescMessage,
  type DescMethod,
  type DescService,
  fromBinary,
  type MessageInitShape,
  type MessageShape,
  toBinary,
} from '@bufbuild/protobuf'
import { Client, type ClientReadableStream, credentials, Metadata, type ServiceError } from '@grpc/grpc-js'

export type GrpcOptions = {
  /** Sent as `authorization`. */
  readonly key?: string
  readonly metadata?: Record<string, string>
  /** In place of the address. */
  readonly authority?: string
}
export type GrpcAnswer<O extends DescMessage> =
  | { readonly message: MessageShape<O>; readonly status: 0 }
  | { readonly message?: undefined; readonly status: number; readonly details: string }

/** A client like those of other languages: grpc-js on its own connection, with our messages. */
export class GrpcClient {
  readonly #client: Client
  readonly #metadata = new Metadata()

  constructor(port: number, { key, metadata = {}, authority }: GrpcOptions = {}) {
    this.#client = new Client(`127.0.0.1:${port}`, credentials.createInsecure(), {
      'grpc.use_local_subchannel_pool': 1,
      'grpc.max_receive_message_length': -1,
      ...(authority !== undefined && { 'grpc.default_authority': authority }),
    })
    if (key !== undefined) this.#metadata.set('authorization', `Bearer ${key}`)
    for (const [name, value] of Object.entries(metadata)) this.#metadata.set(name, value)
  }

  /** Calls a unary method. */
  call<S extends DescService, N extends keyof S['method'] & string>(
    service: S,
    name: N,
    request: MessageInitShape<S['method'][N]['input']>,
  ): Promise<GrpcAnswer<S['method'][N]['output']>> {
    const { path, write, read } = codec(service.method[name] as DescMethod)
    return new Promise((resolve) => {
      const settle = (error: ServiceError | null, message?: any) =>
        resolve(error ? { status: error.code, details: error.details } : { status: 0, message })
      this.#client.makeUnaryRequest(path, write, read, request, this.#metadata, {}, settle)
    })
  }

  /** Calls a server-streaming method. */
  open<S extends DescService, N extends keyof S['method'] & string>(
    service: S,
    name: N,
    request: MessageInitShape<S['method'][N]['input']>,
    options: { readonly deadlineMs?: number } = {},
  ): GrpcStream<MessageShape<S['method'][N]['output']>> {
    const { path, write, read } = codec(service.method[name] as DescMethod)
    const { deadlineMs } = options
    const deadline = deadlineMs === undefined ? {} : { deadline: Date.now() + deadlineMs }
    return new GrpcStream(this.#client.makeServerStreamRequest(path, write, read, request, this.#metadata, deadline))
  }

  close(): void {
    this.#client.close()
  }
}

/** Messages as they arrive, and the final status. */
export class GrpcStream<M> {
  readonly #messages: M[] = []
  readonly #stream: ClientReadableStream<M>
  #wake: () => void = () => undefined
  #end: { status: number; details: string } | undefined

  constructor(stream: ClientReadableStream<M>) {
    this.#stream = stream
    stream.on('data', (message: M) => {
      this.#messages.push(message)
      this.#wake()
    })
    stream.on('error', () => undefined)
    stream.on('status', ({ code, details }) => {
      this.#end = { status: code, details }
      this.#wake()
    })
  }

  /** The next message; fails if the stream ended. */
  async next(): Promise<M> {
    for (;;) {
      const message = this.#messages.shift()
      if (message !== undefined) return message
      if (this.#end) throw new Error(`The stream ended with ${this.#end.status} ${this.#end.details}`)
      await this.#news()
    }
  }

  /** The final status; earlier messages stay readable. */
  async ended(): Promise<{ status: number; details: string }> {
    while (!this.#end) await this.#news()
    return this.#end
  }

  cancel(): void {
    this.#stream.cancel()
  }

  #news(): Promise<void> {
    return new Promise((resolve) => {
      this.#wake = resolve
    })
  }
}

function codec({ parent, name, input, output }: DescMethod) {
  return {
    path: `/${parent.typeName}/${name}`,
    write: (request: any) => Buffer.from(toBinary(input, create(input, request))),
    read: (bytes: Buffer): any => fromBinary(output, bytes),
  }
}
