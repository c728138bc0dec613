import assert from 'node:assert/strict'
import { PassThrough } from 'node:stream'
import { text } from 'node:stream/consumers'
import { test } from 'node:test'
import { openOutput } from '../../src/run/output.ts'

const failure = (code: string) => Object.assign(new Error(code), { code })
const unused = () => assert.fail('nothing has to wait')

test('openOutput() writes at once, all of it, however little is taken at a time', () => {
  let written = ''
  const write = openOutput((bytes) => {
    const piece = Buffer.from(bytes).subarray(0, 3)
    written += piece.toString()
    return piece.byteLength
  }, unused)
  write('first line\n')
  write('second line\n')
  assert.equal(written, 'first line\nsecond line\n')
})

test('openOutput() lets wait what a slow reader does not take, and all after it, in order', async () => {
  let written = ''
  let room = 8
  const waiting = new PassThrough()
  const write = openOutput(
    (bytes) => {
      if (room === 0) throw failure('EAGAIN')
      const piece = Buffer.from(bytes).subarray(0, room)
      room -= piece.byteLength
      written += piece.toString()
      return piece.byteLength
    },
    () => waiting,
  )
  write('first\n')
  write('second\n')
  room = 100
  write('third\n')
  waiting.end()
  assert.equal(written + (await text(waiting)), 'first\nsecond\nthird\n')
})

test('openOutput() goes on when whoever reads has left', () => {
  const write = openOutput(() => {
    throw failure('EPIPE')
  }, unused)
  write('to nobody\n')
})
