import assert from 'node:assert/strict'
import { once } from 'node:events'
import net from 'node:net'
import { after, before, test } from 'node:test'
import { EVALUATE_ALL } from '../../src/routes/paths.ts'
import { listen } from '../../src/server/listen.ts'
import type { Server } from '../../src/server/server.ts'
import { RUNTIME } from '../support/process.ts'

// How the runtimes' parsers and our checks handle unusual requests: docs/operations/deploy.md has the differences. Framing that two parsers
// read differently lets a request pass a proxy unseen (RFC 9112 §11.2), so after a refused request nothing else may be read.

const HOST = 'Host: a\r\n'
const NEXT = `GET /next HTTP/1.1\r\n${HOST}Connection: close\r\n\r\n`
const post = (lines: string, body = '') => `POST /a HTTP/1.1\r\n${lines}\r\n${body}`
const chunked = (body: string) => post(`${HOST}Transfer-Encoding: chunked\r\n`, body)
const get = (target: string, host = HOST) => `GET ${target} HTTP/1.1\r\n${host}\r\n`
const ok = (body: string) => [`200 ${body}`, '200 GET http://a/next 0']

/** Refused, and the connection is closed. */
const CLOSED = ['refused']
/** Refused, and the next request is served. */
const CONTINUES = ['refused', '200 GET http://a/next 0']

type Answers = readonly string[]
const CASES: readonly (readonly [what: string, bytes: string, onNode: Answers, onBun?: Answers])[] = [
  ['a list of lengths', post(`${HOST}Content-Length: 1, 1\r\n`, 'a'), CLOSED],
  ['two lengths', post(`${HOST}Content-Length: 1\r\nContent-Length: 2\r\n`, 'ab'), CLOSED],
  ['one length twice', post(`${HOST}Content-Length: 1\r\nContent-Length: 1\r\n`, 'a'), CLOSED, ok('POST http://a/a 1')],
  ['a length with a sign', post(`${HOST}Content-Length: +1\r\n`, 'a'), CLOSED],
  ['a negative length', post(`${HOST}Content-Length: -1\r\n`, 'a'), CLOSED],
  ['a length in hexadecimal', post(`${HOST}Content-Length: 0x1\r\n`, 'a'), CLOSED],
  ['a length with a space in it', post(`${HOST}Content-Length: 1 1\r\n`, 'a'), CLOSED],
  ['an empty length', post(`${HOST}Content-Length:\r\n`), CLOSED],
  ['a length that no number holds', post(`${HOST}Content-Length: 99999999999999999999\r\n`, 'a'), CLOSED],
  ['a length and chunks', post(`${HOST}Content-Length: 1\r\nTransfer-Encoding: chunked\r\n`, '0\r\n\r\n'), CLOSED],
  ['chunks twice', post(`${HOST}Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n`, '0\r\n\r\n'), CLOSED],
  ['another encoding', post(`${HOST}Transfer-Encoding: xchunked\r\n`, '0\r\n\r\n'), CLOSED],
  // Framed correctly; the body stays compressed, which is not JSON.
  [
    'an encoding before chunks',
    post(`${HOST}Transfer-Encoding: gzip, chunked\r\n`, '0\r\n\r\n'),
    ok('POST http://a/a 0'),
    CLOSED,
  ],
  ['an encoding in quotes', post(`${HOST}Transfer-Encoding: "chunked"\r\n`, '0\r\n\r\n'), CLOSED],
  ['a space before a colon', post(`${HOST}Content-Length : 1\r\n`, 'a'), CLOSED],
  ['a folded line', post(`${HOST}X-A: b\r\n c\r\nContent-Length: 0\r\n`), CLOSED],
  ['a line that begins with a space', post(` ${HOST}`), CLOSED],
  ['a line without a colon', post(`${HOST}nothing\r\n`), CLOSED],
  ['a line without a name', post(`${HOST}: x\r\n`), CLOSED],
  ['a name with a sign', post(`${HOST}X(A): b\r\n`), CLOSED],
  ['a line feed alone', post(`${HOST}X-A: b\nContent-Length: 1\r\n`, 'a'), CLOSED],
  ['a carriage return alone', post(`${HOST}X-A: b\rContent-Length: 1\r\n`, 'a'), CLOSED],
  ['a zero byte', post(`${HOST}X-A: b\0\r\n`), CLOSED],
  ['a chunk size with 0x', chunked('0x1\r\na\r\n0\r\n\r\n'), CLOSED],
  ['a chunk size that no number holds', chunked('ffffffffffffffff1\r\na\r\n0\r\n\r\n'), CLOSED],
  ['a chunk that is longer than its size', chunked('1\r\nab\r\n0\r\n\r\n'), CLOSED],
  ['line feeds in chunks', chunked('1\na\n0\n\n'), CLOSED],
  ['a chunk extension', chunked('1;a=b\r\na\r\n0\r\n\r\n'), ok('POST http://a/a 1')],
  // Bun serves the request, and closes the connection after it.
  ['a trailer', chunked('1\r\na\r\n0\r\nX: y\r\n\r\n'), ok('POST http://a/a 1'), ['200 POST http://a/a 1', 'refused']],
  [
    'a trailer with a length',
    chunked('1\r\na\r\n0\r\nContent-Length: 5\r\n\r\n'),
    CLOSED,
    ['200 POST http://a/a 1', 'refused'],
  ],
  [
    'a trailer without a colon',
    chunked('1\r\na\r\n0\r\nno colon\r\n\r\n'),
    CLOSED,
    ['200 POST http://a/a 1', 'refused'],
  ],

  ['an empty line before it', `\r\n\r\n${get('/a')}`, ok('GET http://a/a 0'), CLOSED],
  ['another version', `POST /a HTTP/2.0\r\n${HOST}\r\n`, CLOSED],
  ['a version of two digits', `POST /a HTTP/1.10\r\n${HOST}\r\n`, CLOSED],
  ['no version', `POST /a\r\n${HOST}\r\n`, CLOSED],
  ['a space in the path', get('/a b'), CLOSED],
  ['a version in lower case', `GET /a http/1.1\r\n${HOST}\r\n`, CLOSED],
  ['a line feed after the version', `GET /a HTTP/1.1\n${HOST}\r\n`, CLOSED],
  [
    'the preface of HTTP/2 in the middle',
    `${get('/a')}PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n`,
    CLOSED,
    ['200 GET http://a/a 0', 'refused'],
  ],
  ['a head of 12 KB', `GET /a HTTP/1.1\r\n${HOST}X: ${'x'.repeat(12_000)}\r\n\r\n`, ok('GET http://a/a 0')],
  ['a head of 20 KB', `GET /a HTTP/1.1\r\n${HOST}X: ${'x'.repeat(20_000)}\r\n\r\n`, ok('GET http://a/a 0'), CLOSED],
  ['a head of 40 KB', `GET /a HTTP/1.1\r\n${HOST}X: ${'x'.repeat(40_000)}\r\n\r\n`, CLOSED],

  ['no Host', get('/a', ''), ok('GET http://localhost/a 0'), CLOSED],
  [
    'no Host over HTTP/1.0',
    'GET /a HTTP/1.0\r\nConnection: keep-alive\r\n\r\n',
    ok('GET http://localhost/a 0'),
    ['200 GET http://localhost/a 0'],
  ],
  ['an empty Host', get('/a', 'Host:\r\n'), ok('GET http://localhost/a 0')],
  ['two Hosts', get('/a', 'Host: a\r\nHost: b\r\n'), CLOSED],
  ['a Host with a comma', get('/a', 'Host: a,b\r\n'), CLOSED],
  ['a Host with a path', get('/a', 'Host: a/b\r\n'), CLOSED],
  ['a Host with a user', get('/a', 'Host: a@b\r\n'), CLOSED],
  ['a target in absolute form', get('http://other/a?b'), ok('GET http://other/a?b 0'), ok('GET http://a/a?b 0')],
  ['a target of another scheme', get('ftp://other/a'), CONTINUES, CLOSED],
  ['a target without a path', get('other:443'), CLOSED],
  ['CONNECT', `CONNECT other:443 HTTP/1.1\r\n${HOST}\r\n`, [], ['refused']],
  ['a star', `OPTIONS * HTTP/1.1\r\n${HOST}\r\n`, CONTINUES, CLOSED],

  ...[
    ...['/a/../b', '/a/./b', '/../b', '/a/..', '/a/.?b', '/a/%2e%2E/b', '/a/.%2e', '/a/%2E/b', '/a/..#b'],
    ...['/a\\b', '/a\\..\\b', '/a/..\\b', '/a//../b', `${'/a'.repeat(20)}/../b`, 'http://a/a/../b'],
    ...['/..', '/%2e', '/a\\b', '/..\\a', '/..#a', '/..?a', '/a/..', '/../', '#/../a'].map(
      (end) => `${EVALUATE_ALL}${end}`,
    ),
  ].map((target) => [`the target ${target}`, get(target), CLOSED] as const),
  ...[
    '/a?x=/../y',
    '/a/.b/..c/%2e%2ed',
    '/a/',
    '/a%2Fb',
    '/gr%C3%BC',
    '/a/b;c=d',
    `${EVALUATE_ALL}/a%5Cb`,
    `${EVALUATE_ALL}?x=/../y`,
  ].map((target) => [`the target ${target}`, get(target), ok(`GET http://a${target} 0`)] as const),
]

let server: Server
before(async () => {
  const fetch = async (request: Request) =>
    new Response(`${request.method} ${request.url} ${(await request.text()).length}`)
  server = await listen({ fetch, host: '127.0.0.1', port: 0, bodyBytesMax: 1_000_000 })
})
after(() => server.close(AbortSignal.abort()))

/** The status and body of each response until the server closes; `refused` for each that is not 200. */
async function answersTo(bytes: string): Promise<string[]> {
  const socket = net.connect(server.port, '127.0.0.1')
  let text = ''
  socket.setEncoding('latin1').on('data', (chunk) => {
    text += chunk
  })
  socket.on('error', () => undefined)
  await once(socket, 'connect')
  socket.write(bytes, 'latin1')
  await new Promise((resolve) => socket.once('close', resolve))
  const answers = text.split(/(?=HTTP\/1\.1 \d{3} )/).filter(Boolean)
  return answers.map((answer) => {
    const [head = '', body = ''] = answer.split('\r\n\r\n')
    return head.startsWith('HTTP/1.1 200 ') ? `200 ${body}` : 'refused'
  })
}

for (const [what, bytes, onNode, onBun = onNode] of CASES)
  test(`a request with ${what}: ${(RUNTIME === 'bun' ? onBun : onNode).join(', ') || 'the connection is closed'}`, async () => {
    assert.deepEqual(await answersTo(bytes + NEXT), RUNTIME === 'bun' ? onBun : onNode)
  })
