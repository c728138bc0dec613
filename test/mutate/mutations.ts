import type { Random } from '../support/random.ts'
import type { Template } from './requests.ts'

/** The bytes of one connection, by write. `text` is all of them, one character for each byte. */
export type Conversation = { readonly requests: number; readonly text: string; readonly writes: readonly Buffer[] }

type Mutation = (text: string, random: Random) => string

const PIPELINED_MAX = 5
const MUTATIONS_MAX = 3
const CUTS_MAX = 6
/** Above the limit of heads on Node (32 KiB). */
const LARGE = 'x'.repeat(40_000)

const below = (random: Random, max: number): number => Math.floor(random() * max)
const oneOf = <T>(random: Random, all: readonly T[]): T => all[below(random, all.length)] as T
const char = (random: Random): string => String.fromCharCode(below(random, 256))
const insert = (text: string, at: number, added: string, removed = 0): string =>
  text.slice(0, at) + added + text.slice(at + removed)
const headEnd = (text: string): number => {
  const end = text.indexOf('\r\n\r\n')
  return end < 0 ? text.length : end
}
const addHeader = (text: string, line: string): string => insert(text, headEnd(text), `\r\n${line}`)
/** Where a random line of the head begins. */
const lineStart = (text: string, random: Random): number => {
  const starts = [...text.slice(0, headEnd(text)).matchAll(/\r\n/g)].map(({ index }) => index + 2)
  return starts.length > 0 ? oneOf(random, starts) : 0
}

const LENGTHS = [
  '0',
  '1',
  '-1',
  '+5',
  '5, 5',
  '5,6',
  '0x10',
  '1e3',
  ' ',
  '00',
  '5 5',
  '4294967296',
  '9'.repeat(30),
  'abc',
  '１',
]
const HEADERS = [
  'Transfer-Encoding: chunked',
  'Transfer-Encoding: chunked, chunked',
  'Transfer-Encoding: gzip, chunked',
  'Transfer-Encoding: identity',
  'Transfer-Encoding : chunked',
  'Transfer-Encoding: xchunked',
  'Content-Length: 5',
  'Content-Length : 5',
  'Content-Encoding: gzip',
  'Content-Encoding: br, gzip, identity',
  'Accept-Encoding: gzip;q=0, *;q=x',
  'Content-Type: text/plain',
  'Content-Type: application/json; charset=utf-16',
  'Content-Type: application/grpc',
  'Content-Type: multipart/form-data; boundary=a',
  'Connection: close',
  'Connection: keep-alive, Upgrade, HTTP2-Settings',
  'Connection: content-length, host, authorization',
  'Upgrade: websocket',
  'Upgrade: h2c\r\nHTTP2-Settings: AAMAAABkAAQAAP__',
  'Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\nUpgrade: websocket\r\nConnection: Upgrade',
  'Expect: 100-continue',
  'Expect: nonsense',
  'Host: a\r\nHost: b',
  'Host: /etc/passwd',
  'Host: [::1]:99999',
  'Host:',
  'Range: bytes=0-1,5-2,-1',
  'If-Match: "1", W/"2", *',
  'If-Match: "99999999999999999999999"',
  'If-None-Match: *',
  'If-Modified-Since: yesterday',
  'Last-Event-ID: -1',
  'Flagd-Selector: flagSetId=keep/test',
  'Flagd-Selector: flagSetId=\u0080/\u00ff',
  'X-API-Key: \u00e4',
  'Authorization: Basic Og==',
  'Authorization: Bearer',
  'Origin: null',
  'Origin: https://example.com\r\nAccess-Control-Request-Method: POST',
  'X-Forwarded-For: 127.0.0.1\r\nX-Forwarded-Host: a/b\r\nX-Forwarded-Proto: javascript',
  'X-HTTP-Method-Override: DELETE',
  'traceparent: 00-00000000000000000000000000000000-0000000000000000-01',
  'traceparent: 00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01\r\ntracestate: a=b,,=,c',
  'baggage: a=%ff,b',
  'connect-timeout-ms: 1',
  'connect-protocol-version: 2',
  'connect-content-encoding: gzip',
  'grpc-timeout: 1n',
  'Trailer: Content-Length',
  'TE: trailers',
  'Cookie: a=b; __proto__=c',
  '__proto__: a',
  'constructor: a',
  ': empty',
  ' folded: continued',
  'no colon',
  'nul\0: a',
  'nul: \0',
  'cr: a\rb',
  'lf: a\nX: b',
  `large: ${LARGE}`,
  Array.from({ length: 300 }, (_, place) => `many-${place}: a`).join('\r\n'),
]
const METHODS = [
  'get',
  'GETT',
  'G ET',
  'CONNECT',
  'TRACE',
  'PROPFIND',
  'M-SEARCH',
  'QUERY',
  'PRI',
  '',
  '\0',
  'PURGE',
  'LINK',
  'HEAD',
  'OPTIONS',
  'DELETE',
  'PATCH',
]
const TARGETS = [
  '*',
  '',
  '//',
  '//evil.example/livez',
  'http://example.com/livez',
  'http://[::1/livez',
  'example.com:443',
  'javascript:alert(1)',
  '/ofrep/../api/v1/projects',
  '/ofrep/%2e%2e/api/v1/projects',
  '/ofrep\\..\\api/v1/projects',
  '/ofrep/v1/evaluate/flags/',
  '/ofrep/v1/evaluate/flags/%',
  '/ofrep/v1/evaluate/flags/%00',
  '/ofrep/v1/evaluate/flags/%ff%fe',
  '/ofrep/v1/evaluate/flags/%ed%a0%80',
  '/ofrep/v1/evaluate/flags/__proto__',
  '/ofrep/v1/evaluate/flags?a=%&b=%00',
  '/ofrep/v1/sse/keep%2Ftest?token=%ff',
  '/ofrep/v1/sse/a?token=a&token=b',
  '/v1/flags/flagSetId%3D%00',
  '/v1/flags/%ud800',
  '/api/v1/changes?limit=-1&after=99999999999999999999',
  '/api/v1/changes?before=%F0%9F%98%80&project=%00',
  '/api/v1/projects/__proto__/environments/constructor/flags/toString',
  '/api/v1/projects/scratch/environments/test/flags/on/usage?from=-1&to=9e99',
  '/api/v1/projects/scratch/environments/test/flags/on/usage?from=0000-00-00T00:00:00Z',
  '/livez#fragment',
  '/livez?a#b?c',
  '/livez;a=b',
  '/\u00e4\u00f6\u00fc',
  '/a b',
  `/${'a/'.repeat(2_000)}`,
  `/ofrep/v1/evaluate/flags/${'k'.repeat(20_000)}`,
]
const VERSIONS = [
  'HTTP/1.0',
  'HTTP/0.9',
  'HTTP/2.0',
  'HTTP/1.2',
  'HTTP/1.1 ',
  'http/1.1',
  'HTTP/11',
  'HTTPS/1.1',
  '',
  'ICE/1.0',
]
const PREFACE = 'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n'
const CHUNK_SIZES = [
  'g',
  '-1',
  '0x5',
  ' 5',
  '5 ',
  '05',
  '5;a=b',
  '5;a="\r\n"',
  'ffffffff',
  'ffffffffffffffffff',
  '',
  '5\n',
  '+5',
]

const VALUES = [
  'null',
  '""',
  '{}',
  '[]',
  '-0',
  '1e999',
  '0.1e-7',
  '9007199254740993',
  '123456789012345678901234567890',
  '"\\u0000"',
  '"\\ud800"',
  '"\xc3\x28"',
  '"__proto__"',
  '{"__proto__":{"a":1}}',
  '{"a":1,"a":2}',
  '"constructor"',
  '{"$ref":"a"}',
  '{"var":"$flagd.timestamp"}',
  '{"fractional":[["on",1],["off",-1]]}',
  `${'['.repeat(5_000)}`,
  `"${'a'.repeat(5_000)}"`,
  '\xef\xbb\xbf{}',
  'NaN',
  '{"context":{"targetingKey":1}}',
]

const bytes: readonly Mutation[] = [
  (text, random) => insert(text, below(random, text.length), char(random), 1),
  (text, random) => insert(text, below(random, text.length), char(random)),
  (text, random) => insert(text, below(random, text.length), '', 1 + below(random, 8)),
  (text, random) => insert(text, below(random, headEnd(text)), char(random), 1),
  (text, random) =>
    insert(text, below(random, headEnd(text)), oneOf(random, ['\0', '\r', '\n', '\t', ' ', '\x7f', '\u00ff', '\r\n'])),
  (text, random) => text.slice(0, below(random, text.length)),
  (text, random) => {
    const at = below(random, text.length)
    return insert(text, at, text.slice(at, at + below(random, 100)))
  },
  (text, random) => text + Array.from({ length: below(random, 200) }, () => char(random)).join(''),
]
const lengths: readonly Mutation[] = [
  (text, random) => text.replace(/Content-Length: \d+/, `Content-Length: ${oneOf(random, LENGTHS)}`),
  (text, random) =>
    text.replace(/Content-Length: (\d+)/, (_, length) => `Content-Length: ${Number(length) + below(random, 21) - 10}`),
  (text) => text.replace(/Content-Length: \d+\r\n/, ''),
  (text, random) => addHeader(text, `Content-Length: ${oneOf(random, LENGTHS)}`),
]
const headers: readonly Mutation[] = [
  (text, random) => addHeader(text, oneOf(random, HEADERS)),
  (text, random) => addHeader(addHeader(text, oneOf(random, HEADERS)), oneOf(random, HEADERS)),
  (text, random) => insert(text, lineStart(text, random), `${oneOf(random, HEADERS)}\r\n`),
  (text, random) => {
    const at = lineStart(text, random)
    return insert(text, at, '', Math.max(0, text.indexOf('\r\n', at) + 2 - at))
  },
  (text) => text.replace(/\r\n/g, '\n'),
  (text) => text.replace(/\r\n/g, '\r'),
  (text) => text.replace(/^Host: .*\r\n/m, ''),
]
const requestLine: readonly Mutation[] = [
  (text, random) => text.replace(/^\S*/, oneOf(random, METHODS)),
  (text, random) => text.replace(/^(\S*) \S*/, (_, method) => `${method} ${oneOf(random, TARGETS)}`),
  (text, random) => text.replace(/HTTP\/1\.1/, oneOf(random, VERSIONS)),
  (text) => text.replace(/ /, '  '),
  (text) => `\r\n\r\n${text}`,
  (text, random) => (random() < 0.5 ? PREFACE + text : text.replace(/^.*?\r\n\r\n/s, PREFACE)),
]
const chunking: readonly Mutation[] = [
  (text, random) => chunked(text, random),
  (text, random) => chunked(text, random).replace(/\r\n\r\n[\da-f]+/, `\r\n\r\n${oneOf(random, CHUNK_SIZES)}`),
  (text, random) =>
    chunked(text, random).replace(
      /0\r\n\r\n$/,
      oneOf(random, [
        '',
        '0\r\n',
        '0\r\na: b\r\n\r\n',
        '0\r\nHost: a\r\nContent-Length: 5\r\n\r\n',
        '00000000\r\n\r\n',
        '0\n\n',
      ]),
    ),
  (text, random) => addHeader(chunked(text, random), `Content-Length: ${oneOf(random, LENGTHS)}`),
]
const bodies: readonly Mutation[] = [
  (text, random) => withBody(text, (body) => oneOf(random, bytes)(body, random)),
  (text, random) =>
    withBody(text, (body) =>
      body.replace(/"[^"]*"|\d+|true|false/g, (token) => (random() < 0.3 ? oneOf(random, VALUES) : token)),
    ),
  (text, random) => withBody(text, () => oneOf(random, VALUES)),
]
const KINDS = [bytes, bytes, bodies, bodies, lengths, headers, headers, requestLine, chunking]

/** The same request with another body and its length. */
function withBody(text: string, change: (body: string) => string): string {
  const end = headEnd(text)
  const body = change(text.slice(end + 4))
  return `${text.slice(0, end).replace(/Content-Length: \d+/, `Content-Length: ${body.length}`)}\r\n\r\n${body}`
}

/** The wire form of a valid request with another framing: its body in chunks. */
function chunked(text: string, random: Random): string {
  const end = headEnd(text)
  const body = text.slice(end + 4)
  let chunks = ''
  for (let at = 0; at < body.length; ) {
    const size = 1 + below(random, 40)
    const chunk = body.slice(at, at + size)
    chunks += `${chunk.length.toString(16)}\r\n${chunk}\r\n`
    at += size
  }
  const head = text.slice(0, end).replace(/\r\nContent-Length: \d+/, '')
  return `${head}\r\nTransfer-Encoding: chunked\r\n\r\n${chunks}0\r\n\r\n`
}

function wireOf({ method, path, headers, body }: Template): string {
  const bytes = body === undefined ? '' : Buffer.from(body).toString('latin1')
  const lines = [
    ['Host', '127.0.0.1'],
    ...headers,
    ...(body === undefined ? [] : [['Content-Length', String(bytes.length)]]),
  ]
  return `${method} ${path} HTTP/1.1\r\n${lines.map(([name, value]) => `${name}: ${value}\r\n`).join('')}\r\n${bytes}`
}

/** Up to five requests for one connection, each mutated up to three times, cut into up to seven writes. */
export function conversationFrom(templates: readonly Template[], random: Random): Conversation {
  const requests = random() < 0.6 ? 1 : 1 + below(random, PIPELINED_MAX)
  const texts = Array.from({ length: requests }, () => {
    let text = wireOf(oneOf(random, templates))
    for (let left = below(random, MUTATIONS_MAX + 1); left > 0; left -= 1)
      text = oneOf(random, oneOf(random, KINDS))(text, random)
    return text
  })
  const text = texts.join('')
  const cuts = Array.from({ length: random() < 0.5 ? 0 : below(random, CUTS_MAX + 1) }, () =>
    below(random, text.length),
  )
  const places = [0, ...cuts.sort((one, other) => one - other), text.length]
  const writes = places.slice(1).map((end, place) => Buffer.from(text.slice(places[place], end), 'latin1'))
  return { requests, text, writes: writes.filter(({ length }) => length > 0) }
}
