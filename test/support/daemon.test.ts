import assert from 'node:assert/strict'
import { once } from 'node:events'
import { createServer, type Server } from 'node:net'
import { test } from 'node:test'
import { startAtFreePort, startDaemon } from './daemon.ts'

/** A server program that ends if its port is taken. */
const program = (port: number) =>
  `require('net').createServer().listen(${port}, '127.0.0.1', () => console.log('is ready'))`
const start = (port: number) => startDaemon({ command: [process.execPath, '-e', program(port)], ready: /is ready/ })

test('startAtFreePort() tries another port if the first is taken before the server listens', async () => {
  const ports: number[] = []
  let other: Server | undefined
  const daemon = await startAtFreePort(async (port) => {
    ports.push(port)
    if (other === undefined) {
      other = createServer().listen(port, '127.0.0.1')
      await once(other, 'listening')
    }
    return start(port)
  })
  daemon.kill()
  other?.close()
  assert.equal(ports.length, 2)
})

test('startAtFreePort() rejects with the log of a server that never starts', async () => {
  const ports: number[] = []
  const failing = startAtFreePort((port) => {
    ports.push(port)
    return startDaemon({
      command: [process.execPath, '-e', 'console.error("no such setting"); process.exit(1)'],
      ready: /is ready/,
    })
  })
  await assert.rejects(failing, /did not start: no such setting/)
  assert.equal(ports.length, 3)
})
