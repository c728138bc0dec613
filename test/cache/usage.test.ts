import assert from 'node:assert/strict'
import { beforeEach, test } from 'node:test'
import { Usage } from '../../src/cache/usage.ts'
import { agentOf } from '../../src/cache/user-agent.ts'
import { type Evaluation, evaluate, fail } from '../../src/flag/evaluate.ts'
import type { UsageBatch } from '../../src/repository/postgres/usage.ts'
import { flagSetOf } from '../support/flag-set.ts'

const START = 1_750_000_000 - (1_750_000_000 % 3_600)
const HOUR = START / 3_600
const { flags } = flagSetOf({
  flags: {
    banner: {
      state: 'ENABLED',
      variants: { a: 'a', b: 'b' },
      defaultVariant: 'a',
      targeting: { var: 'wanted' },
    },
    still: { state: 'ENABLED', variants: { on: true }, defaultVariant: 'on' },
    off: { state: 'DISABLED', variants: { on: true }, defaultVariant: 'on' },
  },
})
const evaluationOf = (key: string, wanted?: string): Evaluation => {
  const flag = flags.get(key)
  assert.ok(flag)
  return evaluate(flag, wanted === undefined ? {} : { wanted }, START)
}

let stored: UsageBatch[] = []
let write: (batch: UsageBatch) => Promise<void>
let logged: [string, Record<string, unknown> | undefined][] = []
let usage: Usage
const open = (countersMax?: number) =>
  new Usage({
    write: (batch) => write(batch),
    replica: 'one',
    log: (message, fields) => logged.push([message, fields]),
    ...(countersMax !== undefined && { countersMax }),
  })
beforeEach(() => {
  stored = []
  logged = []
  write = async (batch) => {
    stored.push(batch)
  }
  usage = open()
})
const times = (n: number, work: () => void) => {
  for (let i = 0; i < n; i += 1) work()
}
/** Waits for the pending flush. */
const settle = () => new Promise((resolve) => setImmediate(resolve))
const drain = () => usage.drain(new AbortController().signal)
/** The stored counts, one line each. */
const lines = () =>
  stored
    .flatMap(({ counts }) => counts)
    .map(
      (c) => `${c.environmentId} ${c.flag ?? '*'} ${c.hour - HOUR} ${c.variant || '-'} ${c.reason || '-'} ${c.count}`,
    )
    .sort()
const total = () => stored.flatMap(({ counts }) => counts).reduce((sum, { count }) => sum + count, 0)

test('Usage counts by environment, flag, variant and reason, failures under their code', async () => {
  times(3, () => usage.count(1n, evaluationOf('banner'), START))
  times(2, () => usage.count(1n, evaluationOf('banner', 'b'), START + 1))
  usage.count(1n, evaluationOf('banner', 'none'), START + 2)
  usage.count(1n, evaluationOf('banner', 'neither'), START + 3)
  usage.count(1n, evaluationOf('still'), START)
  usage.count(2n, evaluationOf('off'), START)
  await drain()
  assert.deepEqual(lines(), [
    '1 banner 0 - GENERAL 2',
    '1 banner 0 a DEFAULT 3',
    '1 banner 0 b TARGETING_MATCH 2',
    '1 still 0 on STATIC 1',
    '2 off 0 - DISABLED 1',
  ])
  assert.deepEqual(
    stored.flatMap(({ counts }) => counts.map(({ lastAt }) => lastAt - START)),
    [3, 0, 1, 0, 0],
  )
})

test('Usage counts repeated lists as if each evaluation came alone, in the hour of the request', async () => {
  const list = ['still', 'banner', 'off'].map((key) => evaluationOf(key)).filter((each) => each.reason !== 'ERROR')
  times(3, () => usage.countAll(1n, list, START))
  usage.count(1n, evaluationOf('still'), START)
  usage.countAll(1n, list, START + 3_600)
  await drain()
  assert.deepEqual(lines(), [
    '1 banner 0 a DEFAULT 3',
    '1 banner 1 a DEFAULT 1',
    '1 off 0 - DISABLED 3',
    '1 off 1 - DISABLED 1',
    '1 still 0 on STATIC 4',
    '1 still 1 on STATIC 1',
  ])
})

test('Usage flushes after lists as after single evaluations, and combines counts above its maximum', async () => {
  const list = Array.from({ length: 60_000 }, () => evaluationOf('still')).filter((each) => each.reason !== 'ERROR')
  usage.countAll(1n, list, START)
  usage.countAll(1n, [...list], START)
  usage.countAll(1n, list, START + 60)
  await settle()
  assert.deepEqual(lines(), ['1 still 0 on STATIC 180000'])
})

test('Usage counts keys without a flag apart, at most 1,000 of them, and never stores because of them', async () => {
  const miss = (key: string) => usage.count(1n, fail({ key, metadata: {} }, 'FLAG_NOT_FOUND', ''), START + 600)
  times(5, () => miss('invented'))
  for (const unfit of ['x'.repeat(257), 'a\0', '\ud800']) miss(unfit)
  await settle()
  assert.equal(stored.length, 0, 'they wait for a batch of others')
  for (let index = 0; index < 2_000; index += 1) miss(`k${index}`)
  times(2, () => miss('invented'))
  await drain()
  const missed = stored.flatMap((batch) => batch.missed ?? [])
  assert.equal(missed.length, 1_000)
  assert.deepEqual(
    missed.find(({ flag }) => flag === 'invented'),
    {
      environmentId: 1n,
      flag: 'invented',
      count: 7,
      lastAt: START + 600,
    },
  )
  assert.deepEqual([total(), stored.flatMap(({ counts }) => counts)], [0, []])
})

test('Usage counts each hour separately, also when a change compiled the flag again', async () => {
  const again = flagSetOf({
    flags: { still: { state: 'ENABLED', variants: { on: true, off: false }, defaultVariant: 'on' } },
  }).flags.get('still')
  assert.ok(again)
  usage.count(1n, evaluationOf('still'), START + 3_599)
  usage.count(1n, evaluate(again, {}, START), START + 3_599)
  usage.count(1n, evaluationOf('still'), START + 3_600)
  await drain()
  assert.deepEqual(lines(), ['1 still 0 on STATIC 2', '1 still 1 on STATIC 1'])
})

test('Usage flushes after the first evaluation after a minute, and only then', async () => {
  for (const second of [0, 30, 59]) usage.count(1n, evaluationOf('still'), START + second)
  await settle()
  assert.deepEqual(stored, [])
  usage.count(1n, evaluationOf('still'), START + 60)
  await settle()
  assert.deepEqual(lines(), ['1 still 0 on STATIC 4'])
  usage.count(1n, evaluationOf('still'), START + 119)
  await settle()
  assert.equal(total(), 4)
  usage.count(1n, evaluationOf('still'), START - 30) // the clock was set back by more than a minute
  await settle()
  assert.equal(total(), 6)
})

test('Usage keeps counting during a flush, one flush at a time', async () => {
  const { promise, resolve } = Promise.withResolvers<void>()
  let running = 0
  write = async (batch) => {
    running += 1
    assert.equal(running, 1)
    await promise
    stored.push(batch)
    running -= 1
  }
  for (const second of [0, 60, 120, 180]) {
    usage.count(1n, evaluationOf('still'), START + second)
    await settle()
  }
  resolve()
  await settle()
  assert.equal(total(), 2)
  await drain()
  assert.equal(total(), 4)
  assert.deepEqual(
    stored.map(({ sequence }) => sequence),
    [1, 2],
  )
})

test('a batch that was not stored is sent again unchanged, and new counts after it', async () => {
  const sent: UsageBatch[] = []
  write = async (batch) => {
    sent.push({ ...batch, counts: batch.counts.map((count) => ({ ...count })) })
    if (sent.length < 3) throw new Error('no answer')
    stored.push(batch)
  }
  for (const second of [0, 60, 61, 120, 121, 180]) {
    usage.count(1n, evaluationOf('still'), START + second)
    await settle()
  }
  assert.deepEqual(sent[1], sent[0])
  assert.deepEqual(sent[2], sent[0])
  assert.deepEqual(
    sent.map(({ sequence }) => sequence),
    [1, 1, 1, 2],
  )
  assert.equal(total(), 6)
  assert.equal(logged.length, 2)
  assert.equal(usage.failures, 2)
})

test('above its maximum, Usage counts new combinations in one cell of their environment, and loses none', async () => {
  usage = open(2)
  times(3, () => usage.count(1n, evaluationOf('banner'), START))
  times(3, () => usage.count(1n, evaluationOf('still'), START))
  times(4, () => usage.count(1n, evaluationOf('banner', 'b'), START))
  times(5, () => usage.count(2n, evaluationOf('off'), START))
  times(1, () => usage.count(1n, evaluationOf('banner'), START))
  times(6, () => usage.count(1n, evaluationOf('banner', 'none'), START + 3_600))
  await drain()
  assert.equal(usage.unnamed, 8, 'b, off, and the failure, which is looked for each time')
  assert.deepEqual(lines(), ['1 * 1 - - 10', '1 banner 0 a DEFAULT 4', '1 still 0 on STATIC 3', '2 * 0 - - 5'])
  usage.count(1n, evaluationOf('banner', 'b'), START)
  await drain()
  assert.ok(lines().includes('1 banner 0 b TARGETING_MATCH 1'))
})

test('many counts are stored in batches, in the same order on every replica', async () => {
  const made = (n: number): Evaluation => ({
    key: `flag-${n}`,
    variant: 'on',
    value: true,
    reason: 'STATIC',
    metadata: {},
  })
  for (let n = 0; n < 4_500; n += 1) usage.count(1n, made(n), START)
  const other = open()
  for (let n = 4_499; n >= 0; n -= 1) other.count(1n, made(n), START)
  await drain()
  const first = stored.splice(0)
  assert.deepEqual(
    first.map(({ counts }) => counts.length),
    [2_000, 2_000, 500],
  )
  await other.drain(new AbortController().signal)
  assert.deepEqual(stored, first)
})

test('drain() waits for the pending flush, tries twice, and returns how many evaluations it could not store', async () => {
  let sent = 0
  write = async (batch) => {
    sent += 1
    if (sent < 2) throw new Error('a connection that died')
    stored.push(batch)
  }
  times(7, () => usage.count(1n, evaluationOf('still'), START))
  await drain()
  assert.deepEqual([total(), logged.length], [7, 0])

  write = () => Promise.reject(new Error('refused'))
  times(5, () => usage.count(1n, evaluationOf('still'), START))
  await drain()
  assert.equal(logged.length, 1)
  assert.equal(logged[0]?.[1]?.['evaluations'], 5)

  write = () => new Promise(() => undefined)
  const stop = new AbortController()
  const drained = usage.drain(stop.signal)
  stop.abort(new Error('late'))
  await drained
  assert.equal(logged[1]?.[1]?.['evaluations'], 5)
})

test('Usage records keys and in-process sync to 5 minutes, and stores them with its batches', async () => {
  const noted = () => stored.flatMap(({ keyUses = [], syncs = [] }) => [...keyUses, ...syncs])
  times(3, () => usage.noteKeyUse({ name: 'key:a', role: 'client', environment: null }, START))
  usage.noteKeyUse({ name: 'FLAGSTAFF_ADMIN_KEY', role: 'admin', environment: null }, START)
  usage.noteKeyUse({ name: 'key:a', role: 'client', environment: null }, START + 299)
  usage.noteSync(1n, 'flagd/1.2', START + 2)
  assert.deepEqual(stored, [])
  await drain()
  const first = [
    { keyId: 'a', at: START },
    { environmentId: 1n, agent: 'flagd/1.2', at: START + 2 },
  ]
  assert.deepEqual(noted(), first)
  usage.noteSync(1n, 'flagd/1.2', START + 301)
  await drain()
  assert.deepEqual(noted(), first, 'nothing new: nothing is stored')
  usage.noteKeyUse({ name: 'key:a', role: 'client', environment: null }, START + 300)
  await settle()
  assert.deepEqual(noted(), [...first, { keyId: 'a', at: START + 300 }], 'due after a minute, without a timer')
})

test('Usage keeps a bounded number of user agents until they are stored, however many a client invents', async () => {
  for (let nth = 0; nth < 25_000; nth += 1) usage.noteSync(1n, `agent/${nth}`, START)
  await drain()
  const agents = stored.flatMap(({ syncs = [] }) => syncs)
  assert.equal(agents.length, 20_000)
})

test('agentOf() keeps the products of a user agent, without comments and in bounds', () => {
  for (const [header, agent] of [
    [null, ''],
    ['grpc-go/1.80.0', 'grpc-go/1.80.0'],
    ['flagd/0.12 (linux; amd64) grpc-go/1.80.0', 'flagd/0.12 grpc-go/1.80.0'],
    ['a/1 b/2 c/3 d/4', 'a/1 b/2 c/3'],
    ['x'.repeat(500), 'x'.repeat(64)],
    ['ü<script>\u0007', ''],
  ] as const)
    assert.equal(agentOf(header), agent, String(header))
})
