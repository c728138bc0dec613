import { once } from 'node:events'
import net from 'node:net'

/** Preface of HTTP/2 clients (RFC 9113 §3.4). */
export const PREFACE = Buffer.from('PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n')
export const Type = { data: 0, headers: 1, reset: 3, settings: 4, ping: 6, goAway: 7, windowUpdate: 8, continuation: 9 }
export const Flag = { ack: 1, endStream: 1, endHeaders: 4 }

export type RawFrame = {
  readonly type: number
  readonly flags: number
  readonly stream: number
  readonly payload: Buffer
}

/** One frame of HTTP/2 (RFC 9113 §4.1). */
export function rawFrame(type: number, flags: number, stream: number, payload: Uint8Array = new Uint8Array()): Buffer {
  const head = Buffer.alloc(9)
  head.writeUIntBE(payload.byteLength, 0, 3)
  head[3] = type
  head[4] = flags
  head.writeUInt32BE(stream, 5)
  return Buffer.concat([head, payload])
}

export const SETTINGS = rawFrame(Type.settings, 0, 0)
export const reset = (stream: number) => rawFrame(Type.reset, 0, stream, Uint8Array.of(0, 0, 0, 8))
export const ping = (text = 'how-long') => rawFrame(Type.ping, 0, 0, Buffer.from(text))

/** Headers without compression (HPACK, RFC 7541 §6.2.2). */
export function headerBlock(headers: Readonly<Record<string, string>>): Buffer {
  return Buffer.concat(Object.entries(headers).flatMap(([name, value]) => [Buffer.of(0), text(name), text(value)]))
}

function text(value: string): Buffer {
  const bytes = Buffer.from(value)
  const length = [Math.min(bytes.byteLength, 127)]
  for (let rest = bytes.byteLength - 127; rest >= 0; rest = rest < 128 ? -1 : rest >>> 7)
    length.push(rest < 128 ? rest : (rest & 127) | 128)
  return Buffer.concat([Buffer.from(length), bytes])
}

/** A connection that sends exactly what a test passes to it, and records the response. */
export class RawH2 {
  readonly socket: net.Socket
  readonly frames: RawFrame[] = []
  readonly closed: Promise<void>
  #rest: Buffer = Buffer.alloc(0)
  #wake: () => void = () => undefined

  static async connect(port: number, greeting: Uint8Array = Buffer.concat([PREFACE, SETTINGS])): Promise<RawH2> {
    const socket = net.connect(port, '127.0.0.1')
    await once(socket, 'connect')
    socket.setNoDelay(true)
    if (greeting.byteLength > 0) socket.write(greeting)
    return new RawH2(socket)
  }

  constructor(socket: net.Socket) {
    this.socket = socket
    socket.on('error', () => undefined)
    socket.on('data', (chunk) => this.#take(chunk))
    this.closed = new Promise((resolve) => {
      socket.once('close', () => {
        resolve()
        this.#wake()
      })
    })
  }

  /** The first frame that matches `is`, including earlier frames; undefined if the connection closes before. */
  async until(is: (frame: RawFrame) => boolean): Promise<RawFrame | undefined> {
    for (;;) {
      const found = this.frames.find(is)
      if (found || this.socket.destroyed) return found
      await new Promise<void>((resolve) => {
        this.#wake = resolve
      })
    }
  }

  #take(chunk: Buffer): void {
    let all = Buffer.concat([this.#rest, chunk])
    while (all.byteLength >= 9 && all.byteLength >= 9 + all.readUIntBE(0, 3)) {
      const end = 9 + all.readUIntBE(0, 3)
      const stream = all.readUInt32BE(5) & 0x7fffffff
      this.frames.push({ type: all[3] ?? 0, flags: all[4] ?? 0, stream, payload: all.subarray(9, end) })
      all = all.subarray(end)
    }
    this.#rest = all
    this.#wake()
  }
}
