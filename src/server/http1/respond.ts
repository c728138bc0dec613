import { isBodiless, LAST, LAST_CHUNK, lineOf, linesOf } from './answer.ts'
import type { Socket } from './socket.ts'

type Reader = ReadableStreamDefaultReader<Uint8Array>
type Piece = Awaited<ReturnType<Reader['read']>>
export type Asker = {
  readonly method: string
  /** Knows no chunks: a body of unknown length ends with the connection. */
  readonly isOld: boolean
  /** Whether this must be the last answer, asked when its head is written. */
  readonly isLast: () => boolean
  /** Aborts when the client is gone. */
  readonly gone: AbortSignal
  /** Is called before a body is sent whose end is not known. */
  readonly streams: () => void
}

/** Headers that say how an answer is sent, which is said here. */
const OURS = new Set(['connection', 'date', 'keep-alive', 'transfer-encoding'])
const NOTHING = Buffer.alloc(0)

/** Sends a web response. Resolves with whether the connection goes on; rejects when the body fails, with half of it sent. */
export async function respond(response: Response, asker: Asker, socket: Socket): Promise<boolean> {
  const { status, body } = response
  const reader = body?.getReader()
  const hasBody = asker.method !== 'HEAD' && !isBodiless(status)
  const cancel = () => void reader?.cancel().catch(() => undefined)
  if (!hasBody) cancel()
  if (!reader || !hasBody) return sendWhole(response, asker, socket, hasBody ? NOTHING : undefined)
  asker.gone.addEventListener('abort', cancel)
  if (asker.gone.aborted) cancel()
  const first = await reader.read()
  if (first.done) return sendWhole(response, asker, socket, NOTHING)
  const next = reader.read()
  const second = await Promise.race([next, turn()])
  if (second?.done) return sendWhole(response, asker, socket, bufferOf(first.value))
  return sendPieces(response, asker, socket, pieces(first.value, next, reader))
}

function sendWhole(response: Response, asker: Asker, socket: Socket, body: Buffer | undefined): boolean {
  const goesOn = !closes(response, asker)
  const hasLength = body === undefined || response.headers.has('content-length')
  const length = hasLength ? '' : `content-length: ${body.byteLength}\r\n`
  const head = Buffer.from(`${headOf(response, goesOn)}${length}\r\n`, 'latin1')
  socket.write(body ? Buffer.concat([head, body]) : head)
  return goesOn
}

async function sendPieces(
  response: Response,
  asker: Asker,
  socket: Socket,
  all: AsyncIterable<Uint8Array>,
): Promise<boolean> {
  const isSized = response.headers.has('content-length')
  const isChunked = !isSized && !asker.isOld
  const goesOn = !closes(response, asker) && (isSized || isChunked)
  asker.streams()
  const coding = isChunked ? 'transfer-encoding: chunked\r\n' : ''
  let before = Buffer.from(`${headOf(response, goesOn)}${coding}\r\n`, 'latin1')
  for await (const piece of all) {
    socket.write(Buffer.concat([before, isChunked ? chunkOf(piece) : piece]))
    await socket.emptied()
    if (!socket.isOpen) return false
    before = NOTHING
  }
  if (isChunked) socket.write(LAST_CHUNK)
  return goesOn
}

/** A body whose first pieces were asked for already. */
async function* pieces(first: Uint8Array, second: Promise<Piece>, reader: Reader): AsyncGenerator<Uint8Array> {
  yield first
  for (let piece = await second; !piece.done; piece = await reader.read())
    if (piece.value.byteLength > 0) yield piece.value // an empty chunk would be the last
}

const closes = ({ headers }: Response, { isLast }: Asker): boolean => isLast() || headers.get('connection') === 'close'

function headOf({ status, headers }: Response, goesOn: boolean): string {
  const lines = linesOf([...headers].filter(([name]) => !OURS.has(name)))
  return `${lineOf(status)}${lines}${goesOn ? '' : LAST}`
}

const chunkOf = (piece: Uint8Array): Buffer =>
  Buffer.concat([Buffer.from(`${piece.byteLength.toString(16)}\r\n`), piece, Buffer.from('\r\n')])

const bufferOf = ({ buffer, byteOffset, byteLength }: Uint8Array): Buffer => Buffer.from(buffer, byteOffset, byteLength)

/** A body that is there has ended when the event loop comes round; what has not is a stream. */
const turn = (): Promise<undefined> => new Promise((resolve) => setImmediate(resolve, undefined))
