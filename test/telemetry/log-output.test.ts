import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { PassThrough } from 'node:stream'
import { text } from 'node:stream/consumers'
import { test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { outputOnNode } from '../../src/telemetry/log.ts'

const failure = (code: string) => Object.assign(new Error(code), { code })
const unused = () => assert.fail('nothing has to wait')

test('outputOnNode() writes everything synchronously, however small the partial writes are', () => {
  let written = ''
  const write = outputOnNode((bytes) => {
    const piece = Buffer.from(bytes).subarray(0, 3)
    written += piece.toString()
    return piece.byteLength
  }, unused)
  write('first line')
  write('second line')
  assert.equal(written, 'first line\nsecond line\n')
})

test('outputOnNode() queues what a slow reader does not take, and all after it, in order', async () => {
  let written = ''
  let room = 8
  const waiting = new PassThrough()
  const write = outputOnNode(
    (bytes) => {
      if (room === 0) throw failure('EAGAIN')
      const piece = Buffer.from(bytes).subarray(0, room)
      room -= piece.byteLength
      written += piece.toString()
      return piece.byteLength
    },
    () => waiting,
  )
  write('first')
  write('second')
  room = 100
  write('third')
  waiting.end()
  assert.equal(written + (await text(waiting)), 'first\nsecond\nthird\n')
})

test('outputOnNode() continues after the reader has closed', () => {
  const write = outputOnNode(() => {
    throw failure('EPIPE')
  }, unused)
  write('without a reader')
})

const LINES = 5_000
const PROGRAM = `
  import { openOutput } from ${JSON.stringify(new URL('../../src/telemetry/log.ts', import.meta.url).href)}
  const write = openOutput()
  for (let line = 0; line < ${LINES}; line++) write(\`\${line} %s \${'ü'.repeat(50)}\`)
  process.exitCode = 7
`
/** Writes more than a pipe can buffer. */
const startWriter = () =>
  spawn(process.execPath, [...('Bun' in globalThis ? [] : ['--input-type=module']), '-e', PROGRAM])

test('openOutput() loses nothing with a slow reader', async () => {
  const writer = startWriter()
  const ended = once(writer, 'exit')
  await sleep(300)
  const lines = Array.from({ length: LINES }, (_, line) => `${line} %s ${'ü'.repeat(50)}\n`)
  assert.equal(await text(writer.stdout), lines.join(''))
  assert.deepEqual(await ended, [7, null])
})

test('openOutput() lets a program continue after the reader has closed', async () => {
  const writer = startWriter()
  const ended = once(writer, 'exit')
  await once(writer.stdout, 'data')
  writer.stdout.destroy()
  assert.deepEqual(await ended, [7, null])
})
