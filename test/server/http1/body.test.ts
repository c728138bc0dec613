import assert from 'node:assert/strict'
import { test } from 'node:test'
import { decoderOf } from '../../../src/server/http1/body.ts'
import { Malformed } from '../../../src/server/http1/head.ts'

const MAX = 1_000
const isMalformed = (status: number) => (error: unknown) => error instanceof Malformed && error.status === status

/** What a body in these pieces says, and what follows it. */
function decode(
  length: number | 'chunked',
  pieces: readonly string[],
): { body: string; rest: string; isDone: boolean } {
  const decoder = decoderOf(length, MAX)
  let body = ''
  let rest = ''
  for (const piece of pieces) {
    const bytes = Buffer.from(piece, 'latin1')
    const count = decoder.read(bytes, (some) => {
      assert.ok(some.byteLength > 0)
      body += some.toString('latin1')
    })
    rest += bytes.toString('latin1', count)
  }
  return { body, rest, isDone: decoder.isDone }
}

const CHUNKED = '5\r\nhello\r\nA ;x="y"\r\n, \r\nworld!\r\n0\r\nX-Trailer: 1\r\n\r\n'
const NEXT = 'GET / HTTP/1.1\r\n\r\n'

test('decoderOf() reads chunks with extensions and trailers, cut in two anywhere', () => {
  const all = CHUNKED + NEXT
  for (let cut = 0; cut <= all.length; cut += 1) {
    const decoded = decode('chunked', [all.slice(0, cut), all.slice(cut)])
    assert.deepEqual(decoded, { body: 'hello, \r\nworld!', rest: NEXT, isDone: true }, `cut at ${cut}`)
  }
})

test('decoderOf() reads chunks byte by byte', () => {
  assert.deepEqual(decode('chunked', [...CHUNKED]), { body: 'hello, \r\nworld!', rest: '', isDone: true })
})

test('decoderOf() reads as many bytes as were announced', () => {
  for (let cut = 0; cut <= 5; cut += 1) {
    const pieces = ['hello'.slice(0, cut), `${'hello'.slice(cut)}${NEXT}`]
    assert.deepEqual(decode(5, pieces), { body: 'hello', rest: NEXT, isDone: true })
  }
  assert.deepEqual(decode(0, []), { body: '', rest: '', isDone: true })
  assert.equal(decode(5, ['hell']).isDone, false)
})

for (const [what, bytes, status] of [
  ['a size that is none', 'x\r\n', 400],
  ['an empty size', '\r\n', 400],
  ['a size with a sign', '+5\r\nhello\r\n', 400],
  ['a size as of JavaScript', '0x5\r\nhello\r\n', 400],
  ['a size of nine digits', '000000005\r\nhello\r\n', 400],
  ['a size that ends with a line feed alone', '5\nhello\r\n', 400],
  ['an extension with a control character', '5;\x01\r\nhello\r\n', 400],
  ['a chunk that is longer than it says', '4\r\nhello\r\n', 400],
  ['a chunk that ends with a line feed alone', '5\r\nhello\n', 400],
  ['a size line without end', `5;${'x'.repeat(2_000)}`, 400],
  ['trailers without end', `0\r\n${'x: y\r\n'.repeat(3_000)}`, 431],
  ['a chunk that is too large', '3e9\r\n', 413],
  ['chunks that together are too large', `1f4\r\n${'x'.repeat(500)}\r\n1f5\r\n`, 413],
] as const)
  test(`decoderOf() refuses ${what}`, () => assert.throws(() => decode('chunked', [bytes]), isMalformed(status)))

test('decoderOf() refuses a body that says it is too large', () => {
  assert.throws(() => decoderOf(MAX + 1, MAX), isMalformed(413))
  decoderOf(MAX, MAX)
})
