import { once } from 'node:events'
import net from 'node:net'

/** What came back on a connection, byte for byte: `closes` when the server said that it is the last answer there. */
export type RawAnswer = { readonly status: number; readonly closes: boolean; readonly body: string }

const ANSWER_MS = 20_000
const HEAD_END = '\r\n\r\n'

/**
 * One connection of HTTP/1.1 that does no more than it is told: it never sends a request twice, as clients of runtimes do behind their
 * callers, and it knows whether the server has announced the end before a request was sent.
 */
export class RawH1 {
  readonly #socket: net.Socket
  #text = ''
  #isOver = false
  #wake: () => void = () => undefined

  /** Rejects where connections are refused. */
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

  /** True once the server has closed: nothing may be sent here any more. */
  get isOver(): boolean {
    return this.#isOver
  }

  write(text: string): void {
    this.#socket.write(text, 'latin1')
  }

  /** Sends a request in one piece and resolves with its answer; rejects when the connection ends before it is whole. */
  async send(request: string): Promise<RawAnswer> {
    this.write(request)
    const { status, closes, length } = await this.head()
    if (length === undefined) return { status, closes, body: (await this.chunks()).join('') }
    await this.#until(() => this.#text.length >= length)
    return { status, closes, body: this.#take(length) }
  }

  /** The head of an answer; `length` is undefined when its body comes in chunks. */
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

  /** One chunk of a body; empty is the last one, after which the body is whole. */
  async chunk(): Promise<string> {
    await this.#until(() => this.#text.includes('\r\n'))
    const size = Number.parseInt(this.#take(this.#text.indexOf('\r\n') + 2), 16)
    await this.#until(() => this.#text.length >= size + 2)
    return this.#take(size + 2).slice(0, -2)
  }

  /** All chunks to the last. */
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
