import assert from 'node:assert/strict'
import { test } from 'node:test'
import { backoffMs } from '../../src/operator/backoff.ts'
import { readOperatorConfig } from '../../src/operator/config.ts'
import { WorkQueue } from '../../src/operator/work-queue.ts'

const ENV = { FLAGSTAFF_URL: 'http://flagstaff/', FLAGSTAFF_KEY_FILE: '/key' }

test('the configuration is read from arguments and environment, and one error names everything wrong', () => {
  const config = readOperatorConfig(['--once'], ENV, 'shop')
  assert.deepEqual(config.service, { url: 'http://flagstaff', key: undefined, keyFile: '/key' })
  assert.deepEqual([config.once, config.namespace, config.resyncMs], [true, 'shop', 600_000])
  assert.equal(readOperatorConfig(['--all-namespaces'], ENV, 'shop').namespace, undefined)
  assert.equal(readOperatorConfig([], { ...ENV, OPERATOR_NAMESPACE: 'own' }, 'shop').namespace, 'own')
  assert.throws(
    () =>
      readOperatorConfig(
        [],
        { FLAGSTAFF_URL: 'flagstaff', PORT: 'x', FLAGSTAFF_KEY: 'k', FLAGSTAFF_KEY_FILE: '/k' },
        undefined,
      ),
    /FLAGSTAFF_URL: expected http.*PORT: expected.*expected one of both.*OPERATOR_NAMESPACE/s,
  )
  assert.throws(() => readOperatorConfig(['--twice'], ENV, 'shop'), /--twice/)
})

test('the wait doubles from 0.5 to 30 s, half of it random, and is not shorter than the server asked for', () => {
  assert.deepEqual(
    [1, 2, 3, 7, 50].map((failures) => backoffMs(failures, () => 0)),
    [250, 500, 1_000, 15_000, 15_000],
  )
  assert.equal(
    backoffMs(50, () => 1),
    30_000,
  )
  assert.equal(
    backoffMs(1, () => 0, 5_000),
    5_000,
  )
  assert.equal(
    backoffMs(1, () => 0, 3_600_000),
    60_000,
  )
})

test('a key that is added again and again is not put off', async () => {
  const { promise, resolve } = Promise.withResolvers<void>()
  const queue = new WorkQueue({ work: async () => void resolve(), workers: 1, debounceMs: 500 })
  const timer = setInterval(() => queue.add('a'), 50)
  const late = new Promise((_, reject) => setTimeout(() => reject(new Error('It was put off')), 20_000).unref())
  try {
    await Promise.race([promise, late])
  } finally {
    clearInterval(timer)
    await queue.close()
  }
})

test('the queue works on a key once, again after changes meanwhile, never twice at once, and ends after the last', async () => {
  const worked: string[] = []
  let running = 0
  let most = 0
  const held = Promise.withResolvers<void>()
  const begun = Promise.withResolvers<void>()
  const again = Promise.withResolvers<void>()
  const queue = new WorkQueue({
    work: async (key) => {
      running += 1
      most = Math.max(most, running)
      worked.push(key)
      begun.resolve()
      if (worked.length === 2) again.resolve()
      await held.promise
      running -= 1
      return undefined
    },
    workers: 4,
    debounceMs: 1,
  })
  for (let times = 0; times < 100; times += 1) queue.add('a')
  await begun.promise
  assert.deepEqual(worked, ['a'])
  queue.add('a', 0)
  await new Promise((resolve) => setTimeout(resolve, 20))
  held.resolve()
  await again.promise
  assert.deepEqual([worked, most], [['a', 'a'], 1])
  await queue.close()
  queue.add('b')
  assert.equal(queue.size, 0)
})
