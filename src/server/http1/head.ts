import { HEADER_BYTES_MAX } from '../limits.ts'

/** Why a request is not understood, as the status that says so. */
export class Malformed extends Error {
  readonly status: 400 | 408 | 413 | 431 | 501 | 505

  constructor(status: Malformed['status'], message: string) {
    super(message)
    this.status = status
  }
}

/** The client speaks HTTP/2 without having asked whether we do ("prior knowledge"). */
export class SpeaksHttp2 extends Malformed {
  constructor() {
    super(505, 'HTTP/2 is not served here')
  }
}

/** How long a body is, in bytes; `chunked`: it says so itself, piece by piece. */
export type Length = number | 'chunked'

/** The head of a request over HTTP/1.1 (RFC 9112), read as far as somebody asks. */
export type Head = {
  /** In bytes, with the empty line that ends it. */
  readonly size: number
  readonly method: string
  /** As it came: a path, most often. */
  readonly target: string
  readonly host: string
  readonly length: Length
  /** HTTP/1.0: knows no chunks. */
  readonly isOld: boolean
  /** The client asks on another connection the next time. */
  readonly isLast: boolean
  /** The client waits to be told that its body is welcome. */
  readonly expects: boolean
  /** Names are in lower case, values of one name joined. */
  readonly headers: Fields
}

/** What an HTTP/2 connection begins with looks like a head (RFC 9113 §3.4). */
const PREFACE = 'PRI * HTTP/2.0\r\n\r\n'
const END = '\r\n\r\n'
const LINE = /^([\w!#$%&'*+.^`|~-]+) ([\x21-\x7e\x80-\xff]+) HTTP\/(\d)\.(\d)\r\n/
/** No line goes on in the next, nothing stands before a colon but a name, and no control character anywhere. */
const FIELDS = /^(?:[\w!#$%&'*+.^`|~-]+:[\t\x20-\x7e\x80-\xff]*\r\n)*$/
const ABSOLUTE = /^https?:\/\//i
const LENGTH = /^\d{1,15}$/
/** A name, an IPv4 address or an IPv6 literal, with or without a port (RFC 9110 §7.2). */
const HOST = /^(?:[\w.~!$&'()*+,;=%-]+|\[[\da-f:.]+\])(?::\d{0,5})?$/i
/** The host of a request that names none, as HTTP/1.0 and checks of load balancers do. */
export const NO_HOST = 'localhost'
const CLOSE = /(?:^|,)[\t ]*close[\t ]*(?:,|$)/i

/** Where the head ends that begins at the start of these bytes (each a character); -1: it goes on. Throws `Malformed` where it is too long. */
export function endOfHead(text: string, from = 0): number {
  const end = text.indexOf(END, Math.max(0, from - END.length))
  if (end > HEADER_BYTES_MAX || (end < 0 && text.length > HEADER_BYTES_MAX))
    throw new Malformed(431, 'The headers are too long')
  return end < 0 ? -1 : end + END.length
}

/**
 * Reads a head from its first byte to its last, each of them a character. What RFC 9112 lets a server understand in more than one way is
 * `Malformed`: a request that ends elsewhere for a proxy than for us would be somebody else's.
 */
export function parseHead(text: string): Head {
  const [line, method = '', target = '', major, minor] = LINE.exec(text) ?? []
  if (line === undefined) throw new Malformed(400, 'Cannot read the request line')
  if (major !== '1') throw strangerOf(text)
  const lines = text.slice(line.length, -2)
  if (!FIELDS.test(lines)) throw new Malformed(400, 'Cannot read a header')
  const headers = new Fields(lines)
  const host = headers.get('host') || NO_HOST
  if (!isHost(host)) throw new Malformed(400, 'Cannot read the host')
  const isOld = minor === '0'
  const isLast = isOld || CLOSE.test(headers.get('connection') ?? '')
  const expects = !isOld && headers.get('expect')?.toLowerCase() === '100-continue'
  const length = lengthOf(headers, isOld)
  return { size: text.length, method, target, host, length, isOld, isLast, expects, headers }
}

/** Whether `host` can stand in an address without changing its path. */
export const isHost = (host: string): boolean => HOST.test(host)

const strangerOf = (text: string): Malformed =>
  text === PREFACE ? new SpeaksHttp2() : new Malformed(505, 'This is no HTTP/1')

/** Of one length, or of one `chunked` (RFC 9112 §6.3). */
function lengthOf(headers: Fields, isOld: boolean): Length {
  const encoding = headers.get('transfer-encoding')
  const length = headers.get('content-length')
  if (encoding === null) {
    if (length === null) return 0
    if (!LENGTH.test(length)) throw new Malformed(400, 'Cannot read the content length')
    return Number(length)
  }
  if (length !== null || isOld) throw new Malformed(400, 'The body has two lengths')
  if (encoding.toLowerCase() !== 'chunked') throw new Malformed(501, 'Cannot read this transfer encoding')
  return 'chunked'
}

/** The absolute address of a request. Throws `Malformed` for those that name none, as `*` and what a proxy is asked. */
export function urlOf({ target, host }: Head, scheme: 'http' | 'https'): string {
  if (target.startsWith('/')) return `${scheme}://${host}${target}`
  if (ABSOLUTE.test(target)) return target
  throw new Malformed(400, 'Cannot read the address')
}

const isSpace = (code: number): boolean => code === 0x20 || code === 0x09

const marks = new Map<string, string>()
/** Names that are asked for are the program's own, and few. */
const MARKS_MAX = 100

/** What stands before a value; made once for each name, or to look for eight of them takes a third longer. */
function markOf(name: string): string {
  let mark = marks.get(name)
  if (mark === undefined) {
    mark = `\n${name}:`
    if (marks.size < MARKS_MAX) marks.set(name, mark)
  }
  return mark
}

/** The header fields of a head, looked for where they stand: most are never asked for. */
export class Fields {
  readonly #text: string
  readonly #lower: string

  /** Whole lines. */
  constructor(lines: string) {
    this.#text = `\n${lines}`
    this.#lower = this.#text.toLowerCase() // as long: no letter of one byte becomes two
  }

  get(name: string): string | null {
    const mark = markOf(name)
    let at = this.#lower.indexOf(mark)
    if (at < 0) return null
    let value = this.#valueAt(at + mark.length)
    for (at = this.#lower.indexOf(mark, at + 1); at >= 0; at = this.#lower.indexOf(mark, at + 1))
      value += `, ${this.#valueAt(at + mark.length)}`
    return value
  }

  /** All of them, in order. */
  *[Symbol.iterator](): Generator<[name: string, value: string]> {
    for (let at = 1; at < this.#text.length; at = this.#text.indexOf('\n', at) + 1) {
      const colon = this.#text.indexOf(':', at)
      yield [this.#text.slice(at, colon), this.#valueAt(colon + 1)]
    }
  }

  #valueAt(colon: number): string {
    let start = colon
    let end = this.#text.indexOf('\r', start)
    while (isSpace(this.#text.charCodeAt(start))) start += 1
    while (end > start && isSpace(this.#text.charCodeAt(end - 1))) end -= 1
    return this.#text.slice(start, end)
  }
}
