import type { Refusal, Reply } from '../server.ts'
import { Malformed } from './head.ts'

const REASONS: Readonly<Record<number, string>> = {
  200: 'OK',
  201: 'Created',
  202: 'Accepted',
  204: 'No Content',
  206: 'Partial Content',
  301: 'Moved Permanently',
  302: 'Found',
  303: 'See Other',
  304: 'Not Modified',
  307: 'Temporary Redirect',
  308: 'Permanent Redirect',
  400: 'Bad Request',
  401: 'Unauthorized',
  403: 'Forbidden',
  404: 'Not Found',
  405: 'Method Not Allowed',
  406: 'Not Acceptable',
  408: 'Request Timeout',
  409: 'Conflict',
  411: 'Length Required',
  412: 'Precondition Failed',
  413: 'Content Too Large',
  415: 'Unsupported Media Type',
  422: 'Unprocessable Content',
  428: 'Precondition Required',
  429: 'Too Many Requests',
  431: 'Request Header Fields Too Large',
  499: 'Client Closed Request',
  500: 'Internal Server Error',
  501: 'Not Implemented',
  502: 'Bad Gateway',
  503: 'Service Unavailable',
  504: 'Gateway Timeout',
  505: 'HTTP Version Not Supported',
}
const SECOND_MS = 1_000
const INTERNAL = { status: 500, message: 'Internal error' }

/** Asks for the body of who waits to be asked. */
export const CONTINUE = 'HTTP/1.1 100 Continue\r\n\r\n'
export const LAST_CHUNK = '0\r\n\r\n'

/** The first lines of an answer. */
export const lineOf = (status: number): string => `HTTP/1.1 ${status} ${REASONS[status] ?? ''}\r\ndate: ${date()}\r\n`

let datedAt = 0
let dated = ''

/** The date of an answer (RFC 9110 §6.6.1), written once a second. */
function date(): string {
  const second = Math.floor(Date.now() / SECOND_MS)
  if (second !== datedAt) {
    datedAt = second
    dated = new Date(second * SECOND_MS).toUTCString()
  }
  return dated
}

/** The line of a header; name and value are the program's own, or were checked by `Headers`. */
const headerLine = (name: string, value: string): string => `${name}: ${value}\r\n`

export function linesOf(headers: Iterable<readonly [string, string]>): string {
  let lines = ''
  for (const [name, value] of headers) lines += headerLine(name, value)
  return lines
}

/** Whether an answer of this status has no body, and no length (RFC 9110 §6.4.1). */
export const isBodiless = (status: number): boolean => status === 204 || status === 304 || status < 200

/** Says that an answer is the last one of its connection. */
export const LAST = 'connection: close\r\n'

/** Whether a reply says that by itself. */
export const saysClose = ({ own }: Reply): boolean => own?.['connection'] === 'close'

const heads = new WeakMap<Reply['head'], string>()

/** The whole of a reply; the lines of its head are made once for all that share it. */
export function textOf(reply: Reply, isLast: boolean): string {
  const { status, head, own, body } = reply
  let lines = heads.get(head)
  if (lines === undefined) {
    lines = linesOf(Object.entries(head))
    heads.set(head, lines)
  }
  lines = lineOf(status) + lines
  if (own !== undefined) for (const name in own) lines += headerLine(name, own[name] ?? '')
  if (isLast && !saysClose(reply)) lines += LAST
  if (body !== null) return `${lines}content-length: ${Buffer.byteLength(body)}\r\n\r\n${body}`
  return `${lines}${isBodiless(status) ? '' : 'content-length: 0\r\n'}\r\n`
}

/** Says why a request is not answered. An error of ours is a warning, and nobody's business. */
export function refusalOf(error: unknown): Refusal {
  if (!(error instanceof Malformed)) process.emitWarning(error instanceof Error ? error : String(error))
  const { status, message } = error instanceof Malformed ? error : INTERNAL
  return { status, headers: { 'content-type': 'text/plain' }, body: message }
}

/** The whole of a refusal. */
export function bytesOf({ status, headers, body }: Refusal, isLast: boolean): Buffer {
  const bytes = typeof body === 'string' ? Buffer.from(body) : body
  const lines = `${lineOf(status)}${linesOf(Object.entries(headers))}${isLast ? LAST : ''}`
  return Buffer.concat([Buffer.from(`${lines}content-length: ${bytes.byteLength}\r\n\r\n`), bytes])
}
