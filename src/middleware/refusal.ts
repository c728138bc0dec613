/** What is known of a request that nobody has read: its address, whole or from the path on, and its headers. */
export type Asked = { readonly url: string; readonly header: (name: string) => string | null | undefined }
/** An answer as plain values: to make a `Response` of it costs Node as much as to evaluate a flag. */
export type Refusal = {
  readonly status: number
  readonly headers: Readonly<Record<string, string>>
  readonly body: string | Uint8Array<ArrayBuffer>
}

/** gRPC's code. */
const UNAVAILABLE = 14
/** Before the last message of a Connect stream, which says how it ended: https://connectrpc.com/docs/protocol/#streaming-rpcs */
const END_STREAM = 0b10

/**
 * Answers a call of this content type with UNAVAILABLE: Connect's error, for its streams in their last message, and for gRPC-Web
 * in the head. Only the first is an error for HTTP too. `headers` are those of an answer in JSON.
 */
export function refuseCall(type: string, message: string, headers: Readonly<Record<string, string>>): Refusal {
  const error = { code: 'unavailable', message }
  if (type.startsWith('application/grpc-web')) {
    const status = { 'content-type': type, 'grpc-status': String(UNAVAILABLE), 'grpc-message': message }
    return { status: 200, headers: { ...headers, ...status }, body: '' }
  }
  if (type.startsWith('application/connect+'))
    return {
      status: 200,
      headers: { ...headers, 'content-type': type },
      body: frameOf(END_STREAM, JSON.stringify({ error })),
    }
  return { status: 503, headers, body: JSON.stringify(error) }
}
function frameOf(flags: number, text: string): Uint8Array<ArrayBuffer> {
  const bytes = new TextEncoder().encode(text)
  const frame = new Uint8Array(5 + bytes.byteLength)
  frame[0] = flags
  new DataView(frame.buffer).setUint32(1, bytes.byteLength)
  frame.set(bytes, 5)
  return frame
}
