import { once } from 'node:events'
import net from 'node:net'

/** A response on a connection, byte for byte; `closes` if the server announced that it is the last one there. */
export type RawAnswer = { readonly status: number; readonly closes: boolean; readonly body: string }

const ANSWER_MS = 20_000
const HEAD_END = '\r\n\r\n'

/**
 * One HTTP/1.1 connection without automatic behaviour: it never sends a request twice, as runtimes' clients do, and it records whether the
 * server announced the end before a request was sent.
 */
export class RawH1 {
  readonly #socket: net.Socket
  #text = ''
  #isOver = false
  #wake: () => void = () => undefined

  /** Rejects if the connection is refused. */
  static async connect(port: number): Promise<RawH1> {
    const socket = net.connect({ port, host: '127.0.0.1', noDelay: true })
    const connection = new RawH1(socket)
    await once(socket, 'connect')
    return connection
  }

  constructor(socket: net.Socket) {
    this.#socket = socket
    socket.setEncoding('latin1')
    socket.on('error', () => undefined)
    socket.on('data', (text) => {
      this.#text += text
      this.#wake()
    })
    const end = () => {
      this.#isOver = true
      this.#wake()
    }
    socket.once('end', end).once('close', end)
  }

  /** True after the server has closed: no request may be sent on this connection. */
  get isOver(): boolean {
    return this.#isOver
  }

  write(text: string): void {
    this.#socket.write(text, 'latin1')
  }

  /** Sends a request in one piece and resolves with its response; rejects if the connection ends before it is complete. */
  async send(request: string): Promise<RawAnswer> {
    this.write(request)
    const { status, closes, length } = await this.head()
    if (length === undefined) return { status, closes, body: (await this.chunks()).join('') }
    await this.#until(() => this.#text.length >= length)
    return { status, closes, body: this.#take(length) }
  }

  /** The headers of a response; `length` is undefined if its body is chunked. */
  async head(): Promise<{ status: number; closes: boolean; length: number | undefined }> {
    await this.#until(() => this.#text.includes(HEAD_END))
    const head = this.#take(this.#text.indexOf(HEAD_END) + HEAD_END.length)
    const [, length] = /\r\ncontent-length: *(\d+)/i.exec(head) ?? []
    const isChunked = /\r\ntransfer-encoding: *chunked/i.test(head)
    return {
      status: Number(head.slice(9, 12)),
      closes: /\r\nconnection: *close/i.test(head),
      length: isChunked ? undefined : Number(length ?? 0),
    }
  }

  /** One chunk of a body; an empty chunk is the last one and completes the body. */
  async chunk(): Promise<string> {
    await this.#until(() => this.#text.includes('\r\n'))
    const size = Number.parseInt(this.#take(this.#text.indexOf('\r\n') + 2), 16)
    await this.#until(() => this.#text.length >= size + 2)
    return this.#take(size + 2).slice(0, -2)
  }

  /** All chunks up to the last. */
  async chunks(): Promise<string[]> {
    const all: string[] = []
    for (let chunk = await this.chunk(); chunk !== ''; chunk = await this.chunk()) all.push(chunk)
    return all
  }

  close(): void {
    this.#socket.destroy()
  }

  #take(length: number): string {
    const taken = this.#text.slice(0, length)
    this.#text = this.#text.slice(length)
    return taken
  }

  async #until(isThere: () => boolean): Promise<void> {
    const late = setTimeout(() => this.#socket.destroy(), ANSWER_MS)
    try {
      while (!isThere()) {
        if (this.#isOver) throw new Error(`The connection ended after ${JSON.stringify(this.#text.slice(0, 200))}`)
        await new Promise<void>((resolve) => {
          this.#wake = resolve
        })
      }
    } finally {
      clearTimeout(late)
    }
  }
}
