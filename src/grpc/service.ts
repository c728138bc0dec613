import {
  create,
  type DescMessage,
  type DescMethodBiDiStreaming,
  type DescMethodServerStreaming,
  type DescMethodUnary,
  type DescService,
  type MessageInitShape,
  type MessageShape,
} from '@bufbuild/protobuf'
import type { Header } from '../cache/authenticator.ts'
import type { Span } from '../telemetry/span.ts'

/** The JSON of flagd's server: fields that have their zero value are written, and unknown ones are ignored. */
export const JSON_OPTIONS = { alwaysEmitImplicit: true, ignoreUnknownFields: true }

/** What a method may know of a call beside its message. */
export type Call = {
  readonly header: Header
  /** `:authority` or `Host`. */
  readonly authority: string
  /** What OpenTelemetry calls the protocol (`rpc.system.name`). */
  readonly system: 'grpc' | 'connectrpc'
  /** Aborts when the client leaves or its deadline passes. */
  readonly signal: AbortSignal
  /** Undefined while none is kept of this call. */
  span?: Span | undefined
}

export type Unary<I extends DescMessage, O extends DescMessage> = (
  request: MessageShape<I>,
  call: Call,
) => MessageShape<O> | Promise<MessageShape<O>>
/** A reader that takes its time is not asked on: whatever gives the messages skips what is overtaken meanwhile. */
export type ServerStream<I extends DescMessage, O extends DescMessage> = (
  request: MessageShape<I>,
  call: Call,
) => AsyncIterable<MessageShape<O>>
export type BiDiStream<I extends DescMessage, O extends DescMessage> = (
  requests: AsyncIterable<MessageShape<I>>,
  call: Call,
) => AsyncIterable<MessageShape<O>>

type Implementation<M> =
  M extends DescMethodUnary<infer I, infer O>
    ? Unary<I, O>
    : M extends DescMethodServerStreaming<infer I, infer O>
      ? ServerStream<I, O>
      : M extends DescMethodBiDiStreaming<infer I, infer O>
        ? BiDiStream<I, O>
        : never
/** A function for each method of a service. */
export type ServiceOf<S extends DescService> = {
  readonly [Name in keyof S['method']]: Implementation<S['method'][Name]>
}

/** One method of any service, ready to be called by any of the protocols. */
export type Method =
  | { readonly kind: 'unary'; readonly desc: DescMethodUnary; readonly answer: Unary<DescMessage, DescMessage> }
  | {
      readonly kind: 'server_streaming'
      readonly desc: DescMethodServerStreaming
      readonly answer: ServerStream<DescMessage, DescMessage>
    }
  | {
      readonly kind: 'bidi_streaming'
      readonly desc: DescMethodBiDiStreaming
      readonly answer: BiDiStream<DescMessage, DescMessage>
    }

/** The methods of a service by their path, `/<package>.<service>/<method>`. */
export function methodsOf<S extends DescService>(
  service: S,
  implementation: ServiceOf<S>,
): [path: string, method: Method][] {
  const functions = implementation as Readonly<Record<string, unknown>>
  return service.methods.map((desc) => [
    `/${service.typeName}/${desc.name}`,
    { kind: desc.methodKind, desc, answer: functions[desc.localName] } as Method,
  ])
}

/** Makes a message that many calls share. It is frozen, by which the transports know that they may keep its bytes. */
export function sharedMessage<O extends DescMessage>(schema: O, init: MessageInitShape<O>): MessageShape<O> {
  const message = create(schema, init)
  Object.freeze(message)
  return message
}
