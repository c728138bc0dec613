import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { sql } from 'drizzle-orm'
import { createLog, type Log, rateLimited } from '../../src/telemetry/log.ts'
import { openStore, type Store } from '../support/store.ts'

let store: Store
before(async () => {
  store = await openStore()
})
after(() => store.close())

const TIME = '2026-01-02T03:04:05.678Z'
/** The log output of `write`, as text. */
function outputOf(write: (log: Log) => void, level: 'debug' | 'info' | 'warn' | 'error' = 'debug'): string {
  let text = ''
  write(
    createLog({
      level,
      write: (line) => {
        text += `${line}\n`
      },
      now: () => new Date(TIME),
    }),
  )
  return text
}

test('an event is one line of JSON, whatever it contains', () => {
  const text = outputOf((log) => log.info('Done', { count: 3n, path: 'a\nb', flags: ['a'], none: undefined }))
  assert.equal(text.split('\n').length, 2)
  assert.deepEqual(JSON.parse(text), {
    time: TIME,
    level: 'info',
    message: 'Done',
    count: '3',
    path: 'a\nb',
    flags: ['a'],
  })
})

test('events below the level are omitted', () => {
  const all = (log: Log) => {
    for (const level of ['debug', 'info', 'warn', 'error'] as const) log[level](level)
  }
  for (const [level, lines] of [
    ['debug', 4],
    ['info', 3],
    ['warn', 2],
    ['error', 1],
  ] as const)
    assert.equal(outputOf(all, level).trim().split('\n').length, lines)
})

test('fields that JSON cannot represent are omitted, and the event is still logged', () => {
  const circle: Record<string, unknown> = {}
  circle['self'] = circle
  const broken = {
    toJSON: () => {
      throw new Error('no')
    },
  }
  for (const field of [circle, broken])
    assert.deepEqual(JSON.parse(outputOf((log) => log.warn('Odd', { field }))), {
      time: TIME,
      level: 'warn',
      message: 'Odd',
    })
})

test('an error shows its code, its stack and its causes, a few deep', () => {
  const deepest = Object.assign(new Error('connection refused'), { code: 'ECONNREFUSED', values: ['hush'] })
  const error = new Error('cannot ask', { cause: deepest })
  const { cause } = JSON.parse(outputOf((log) => log.error('Failed', { cause: error })))
  assert.match(cause.stack, /cannot ask[\s\S]*log\.test\.ts/)
  assert.equal(cause.cause.code, 'ECONNREFUSED')
  assert.match(cause.cause.stack, /connection refused/)
  assert.equal(cause.cause.values, undefined)
  const ring = new Error('ring')
  ring.cause = ring
  assert.ok(outputOf((log) => log.error('Failed', { cause: ring })).length < 20_000)
})

test('a password in a URL is masked, wherever the URL is', () => {
  for (const [url, shown] of [
    ['postgres://me:hush@db/flags', 'postgres://me:***@db/flags'],
    ['redis://:hush@cache:6379', 'redis://:***@cache:6379'],
    ['postgres://me:hu@sh@db/flags', 'postgres://me:***@db/flags'],
  ] as const) {
    const text = outputOf((log) => log.error(`Cannot reach ${url}`, { url, cause: new Error(`at ${url}`) }))
    assert.ok(!/hush|hu@|sh@/.test(text), text)
    assert.equal(JSON.parse(text).url, shown)
  }
})

test("a failed query shows neither its text nor its values, but Postgres's reason", async () => {
  const failed = await store.database
    .write((tx) => tx.execute(sql`select ${'hush'}::text as told_nowhere from flagstaff.no_such_table`))
    .then(
      () => assert.fail('it must fail'),
      (error: unknown) => error,
    )
  const text = outputOf((log) => log.error('Unexpected', { cause: failed }))
  assert.ok(!/hush|told_nowhere/.test(text), text)
  assert.match(text, /no_such_table/)
  assert.match(text, /42P01/)
})

test('rateLimited() logs the first of equal events and one per interval, with the number of omitted ones', () => {
  const lines: unknown[] = []
  let now = 0
  const log = rateLimited((message, fields) => lines.push([message, fields]), { everyMs: 100, now: () => now })
  for (const name of ['a', 'a', 'b', 'a']) log('Away', { name })
  now = 100
  log('Away', { name: 'a' })
  now = 300
  log('Away', { name: 'a' })
  assert.deepEqual(lines, [
    ['Away', { name: 'a' }],
    ['Away', { name: 'b' }],
    ['Away', { name: 'a', leftOut: 2 }],
    ['Away', { name: 'a' }],
  ])
})
