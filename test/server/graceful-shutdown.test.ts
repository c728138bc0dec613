import assert from 'node:assert/strict'
import { test } from 'node:test'
import { shutDown } from '../../src/server/graceful-shutdown.ts'
import type { Log } from '../../src/telemetry/log.ts'

/** A log that stores its lines. */
function recorder(): { log: Log; lines: string[] } {
  const lines: string[] = []
  const write = (message: string, fields: object = {}) => void lines.push(`${message} ${JSON.stringify(fields)}`)
  return { lines, log: { debug: write, info: write, warn: write, error: write } }
}
const never = () => new Promise<void>(() => undefined)

test('shutDown() runs the steps sequentially in their order', async () => {
  const order: string[] = []
  const step = (name: string) => ({
    name,
    run: async () => {
      order.push(`${name} begins`)
      await new Promise((resolve) => setImmediate(resolve))
      order.push(`${name} ends`)
    },
  })
  assert.equal(await shutDown([step('a'), step('b')], 5_000, recorder().log), 0)
  assert.deepEqual(order, ['a begins', 'a ends', 'b begins', 'b ends'])
})

test('shutDown() continues after a step that fails, and reports it in the exit code', async () => {
  const { log, lines } = recorder()
  const order: string[] = []
  const steps = [
    { name: 'flush', run: () => Promise.reject(new Error('no')) },
    { name: 'close', run: () => void order.push('close') },
  ]
  assert.equal(await shutDown(steps, 5_000, log), 1)
  assert.deepEqual(order, ['close'])
  assert.match(lines[0] ?? '', /flush/)
})

test('shutDown() aborts the signal of a late step, in time for the ones after it', async () => {
  const order: string[] = []
  const late = (signal: AbortSignal) =>
    new Promise<void>((resolve) => signal.addEventListener('abort', () => resolve()))
  const steps = [
    { name: 'wait', run: late },
    { name: 'close', run: () => void order.push('close') },
  ]
  assert.equal(await shutDown(steps, 200, recorder().log), 0)
  assert.deepEqual(order, ['close'])
})

test('shutDown() ends at the deadline and names the step that was running', async () => {
  const { log, lines } = recorder()
  assert.equal(await shutDown([{ name: 'hang', run: never }], 50, log), 1)
  assert.match(lines.at(-1) ?? '', /deadline.*hang/)
})
