import assert from 'node:assert/strict'
import { test } from 'node:test'
import { endOfHead, Malformed, parseHead, urlOf } from '../../../src/server/http1/head.ts'
import { HEADER_BYTES_MAX } from '../../../src/server/limits.ts'

const HOST = 'Host: flags.example\r\n'
const headOf = (lines: string, line = 'POST /a HTTP/1.1\r\n') => parseHead(`${line}${lines}\r\n`)
const isMalformed = (status: number) => (error: unknown) => error instanceof Malformed && error.status === status

test('parseHead() reads the request line, the length and the headers', () => {
  const head = headOf(`${HOST}Content-Length: 12\r\nX-API-Key:\t key \r\nx-api-key: other\r\nX-Empty:\r\n`)
  assert.deepEqual([head.method, head.target, head.host, head.length], ['POST', '/a', 'flags.example', 12])
  assert.deepEqual([head.isOld, head.isLast, head.expects], [false, false, false])
  assert.equal(head.headers.get('x-api-key'), 'key, other')
  assert.equal(head.headers.get('x-empty'), '')
  assert.equal(head.headers.get('api-key'), null)
  assert.equal(head.headers.get('x-api'), null)
  assert.deepEqual([...head.headers].at(-1), ['X-Empty', ''])
})

test('parseHead() says how many bytes it has read', () => {
  assert.equal(headOf(HOST).size, 'POST /a HTTP/1.1\r\n\r\n'.length + HOST.length)
})

test('parseHead() keeps each byte of a value', () => {
  assert.equal(headOf(`${HOST}X-Name: \xe4\xdf\xa0\r\n`).headers.get('x-name'), '\xe4\xdf\xa0')
})

for (const [what, lines, line] of [
  ['Connection: close', `${HOST}Connection: close\r\n`, 'GET / HTTP/1.1\r\n'],
  ['close among others', `${HOST}Connection: x, Close ,y\r\n`, 'GET / HTTP/1.1\r\n'],
  ['HTTP/1.0', '', 'GET / HTTP/1.0\r\n'],
] as const)
  test(`parseHead() takes ${what} for the last request of a connection`, () => {
    assert.equal(headOf(lines, line).isLast, true)
  })

test('parseHead() takes no other option of a connection for its end', () => {
  assert.equal(headOf(`${HOST}Connection: closed, not-close\r\n`).isLast, false)
})

test('parseHead() knows who waits to be asked for a body, and that HTTP/1.0 does not', () => {
  assert.equal(headOf(`${HOST}Expect: 100-Continue\r\n`).expects, true)
  assert.equal(headOf(`${HOST}Expect: 100-continue\r\n`, 'PUT / HTTP/1.0\r\n').expects, false)
})

for (const [what, lines, length] of [
  ['no length', HOST, 0],
  ['chunks', `${HOST}Transfer-Encoding: Chunked\r\n`, 'chunked'],
  ['a length with zeros', `${HOST}Content-Length: 007\r\n`, 7],
] as const)
  test(`parseHead() reads ${what}`, () => assert.equal(headOf(lines).length, length))

/** Each of these is read in another way by somebody (RFC 9112 §11.2, and reports of request smuggling since). */
for (const [what, lines, status] of [
  ['two lengths', `${HOST}Content-Length: 1\r\nContent-Length: 2\r\n`, 400],
  ['one length twice', `${HOST}Content-Length: 1\r\nContent-Length: 1\r\n`, 400],
  ['a list of lengths', `${HOST}Content-Length: 1, 1\r\n`, 400],
  ['a length with a sign', `${HOST}Content-Length: +1\r\n`, 400],
  ['a negative length', `${HOST}Content-Length: -1\r\n`, 400],
  ['a length in hexadecimal', `${HOST}Content-Length: 0x1\r\n`, 400],
  ['a length with a space in it', `${HOST}Content-Length: 1 1\r\n`, 400],
  ['an empty length', `${HOST}Content-Length:\r\n`, 400],
  ['a length that no number holds', `${HOST}Content-Length: 9999999999999999\r\n`, 400],
  ['a length and chunks', `${HOST}Content-Length: 1\r\nTransfer-Encoding: chunked\r\n`, 400],
  ['chunks twice', `${HOST}Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n`, 501],
  ['another encoding', `${HOST}Transfer-Encoding: gzip, chunked\r\n`, 501],
  ['an encoding that only looks like chunks', `${HOST}Transfer-Encoding: xchunked\r\n`, 501],
  ['an encoding in quotes', `${HOST}Transfer-Encoding: "chunked"\r\n`, 501],
  ['a space before a colon', `${HOST}Content-Length : 1\r\n`, 400],
  ['a line that goes on', `${HOST}X-A: b\r\n c\r\n`, 400],
  ['a line that begins with a space', ` ${HOST}`, 400],
  ['a line without a colon', `${HOST}nothing\r\n`, 400],
  ['a line without a name', `${HOST}: x\r\n`, 400],
  ['a name with a sign', `${HOST}X(A): b\r\n`, 400],
  ['a name with another letter', `${HOST}X\xe4: b\r\n`, 400],
  ['a line feed alone', `${HOST}X-A: b\nContent-Length: 1\r\n`, 400],
  ['a carriage return alone', `${HOST}X-A: b\rContent-Length: 1\r\n`, 400],
  ['a zero', `${HOST}X-A: b\0\r\n`, 400],
  ['a control character', `${HOST}X-A: b\x7f\r\n`, 400],
  ['two hosts', `${HOST}Host: other\r\n`, 400],
  ['a host with a path', 'Host: a/b\r\n', 400],
  ['a host with a space', 'Host: a b\r\n', 400],
] as const)
  test(`parseHead() refuses ${what}`, () => assert.throws(() => headOf(lines), isMalformed(status)))

for (const lines of ['X-A: b\r\n', 'Host:\r\n', 'Host: localhost\r\n'])
  test(`parseHead() takes ${JSON.stringify(lines)} as a request for localhost`, () => {
    assert.equal(headOf(lines).host, 'localhost')
  })

test('parseHead() refuses chunks over HTTP/1.0', () => {
  assert.throws(() => headOf('Transfer-Encoding: chunked\r\n', 'POST / HTTP/1.0\r\n'), isMalformed(400))
})

for (const [line, status] of [
  ['POST /a HTTP/2.0\r\n', 505],
  ['PRI * HTTP/2.0\r\n', 505],
  ['POST /a HTTP/1.10\r\n', 400],
  ['POST /a\r\n', 400],
  ['POST  /a HTTP/1.1\r\n', 400],
  ['POST\t/a HTTP/1.1\r\n', 400],
  ['POST /a HTTP/1.1 \r\n', 400],
  ['POST /a b HTTP/1.1\r\n', 400],
  ['POST /a\0 HTTP/1.1\r\n', 400],
  ['POST /a http/1.1\r\n', 400],
  [' POST /a HTTP/1.1\r\n', 400],
  ['PO:ST /a HTTP/1.1\r\n', 400],
  ['POST /a HTTP/1.1\n', 400],
] as const)
  test(`parseHead() refuses ${JSON.stringify(line)}`, () => {
    assert.throws(() => headOf(HOST, line), isMalformed(status))
  })

for (const [target, url] of [
  ['/a?b', 'http://flags.example/a?b'],
  ['http://other/a', 'http://other/a'],
  ['HTTPS://other/a', 'HTTPS://other/a'],
] as const)
  test(`urlOf() of ${target} is ${url}`, () => {
    assert.equal(urlOf(headOf(HOST, `GET ${target} HTTP/1.1\r\n`), 'http'), url)
  })

for (const target of ['*', 'other:443', 'ftp://other/a'])
  test(`urlOf() refuses ${target}`, () => {
    assert.throws(() => urlOf(headOf(HOST, `GET ${target} HTTP/1.1\r\n`), 'http'), isMalformed(400))
  })

test('endOfHead() finds the end wherever the pieces were cut, and refuses a head without one', () => {
  const head = `GET / HTTP/1.1\r\n${HOST}\r\n`
  for (let cut = 0; cut < head.length; cut += 1) {
    assert.equal(endOfHead(head.slice(0, cut)), -1)
    assert.equal(endOfHead(`${head}body\r\n\r\n`, cut), head.length)
  }
  assert.throws(() => endOfHead('x'.repeat(HEADER_BYTES_MAX + 1)), isMalformed(431))
  assert.throws(() => endOfHead(`${'x'.repeat(HEADER_BYTES_MAX + 1)}\r\n\r\n`), isMalformed(431))
})
