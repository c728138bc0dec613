// npm run chaos [-- --seconds=60 --seed=1]: replicas under load while Postgres and Redis fail at random. Checks that no
// acknowledged change is lost, no replica returns an older revision, all agree in the end, and warm replicas answer every evaluation.

import { setTimeout as sleep } from 'node:timers/promises'
import { randomFrom } from '../support/random.ts'
import { request } from '../support/replicas.ts'
import { agree, countsAt } from './agreement.ts'
import { FAULTS } from './faults.ts'
import { Ledger, type Writer } from './ledger.ts'
import { createWorld, FLAGS, type World } from './world.ts'

const option = (name: string, fallback: number) =>
  Number(process.argv.find((arg) => arg.startsWith(`--${name}=`))?.split('=')[1] ?? fallback)
const SECONDS = option('seconds', 120)
const SEED = option('seed', Math.floor(Math.random() * 2 ** 31))
const WRITERS = 4
const FAULT_MS = 1_500
const CALM_MS = 700
const on = { state: 'ENABLED', variants: { on: true }, defaultVariant: 'on' }

const random = randomFrom(SEED)
const world = await createWorld()
const ledger = new Ledger(WRITERS)
const injected = new Map<string, number>()
let isOver = false
console.log(`Chaos for ${SECONDS} s, seed ${SEED}; three replicas, ${WRITERS} writers`)
try {
  await Promise.all(world.replicas.map((_, index) => warm(index)))
  const work = [...ledger.writers.map(write), ...world.replicas.map((_, index) => read(index))]
  await harm()
  await heal(world)
  isOver = true
  await Promise.all(work)
  const { adminKey, clientKey } = world
  await agree({ addresses: world.replicas.map(({ address }) => address), adminKey, clientKey }, ledger)
} finally {
  await world.close()
}
console.log('\n| injected | times |\n|---|---:|')
for (const [name, times] of injected) console.log(`| ${name} | ${times} |`)
console.log('\n| seen | number |\n|---|---:|')
console.log(
  `| changes acknowledged and found | ${ledger.acknowledged} |\n| changes refused with 503 | ${ledger.refusedWrites} |`,
)
console.log(`| evaluations answered | ${ledger.answers} |\n| broken promises | ${ledger.complaints.length} |`)
for (const complaint of ledger.complaints) console.error(`BROKEN: ${complaint}`)
console.log(ledger.complaints.length === 0 ? 'All promises kept' : `Repeat with --seed=${SEED} --seconds=${SECONDS}`)
process.exit(ledger.complaints.length === 0 ? 0 : 1)

/** Sequential faults: each kind in a random order, then again. */
async function harm(): Promise<void> {
  const end = performance.now() + SECONDS * 1_000
  let bag = shuffled(FAULTS)
  while (performance.now() < end) {
    const fault = bag.pop()
    if (!fault) bag = shuffled(FAULTS)
    if (!fault) continue
    injected.set(fault.name, (injected.get(fault.name) ?? 0) + 1)
    await fault.inject(world, ledger, FAULT_MS * (0.5 + random()))
    await sleep(CALM_MS * random())
  }
}

async function write(writer: Writer, index: number): Promise<void> {
  while (!isOver) {
    const { epoch } = ledger
    const count = writer.attempted + 1
    writer.attempted = count
    const { address = '' } = world.replicas[index % world.replicas.length] ?? {}
    const body = { ...on, metadata: { count } }
    try {
      const { status } = await request(address, world.adminKey, {
        method: 'PUT',
        path: `${FLAGS}/${writer.flag}`,
        body,
      })
      if (status === 200 && epoch === ledger.epoch) writer.acknowledged = count
      else if (status === 503) ledger.refusedWrites += 1
      else if (status !== 200) ledger.complain(`a change was answered with ${status}`)
    } catch (error) {
      ledger.complain(`a change was not answered: ${String(error)}`)
    }
    await sleep(20)
  }
}

async function read(index: number): Promise<void> {
  while (!isOver) {
    const { epoch } = ledger
    try {
      for (const [flag, count] of await bulk(index)) ledger.saw(index, flag, count, epoch)
      ledger.answers += 1
    } catch (error) {
      ledger.complain(`replica ${index} did not answer an evaluation: ${String(error)}`)
    }
    await sleep(5)
  }
}

/** Polls until the replica has read the new key: from then on it must answer every evaluation. */
async function warm(index: number): Promise<void> {
  for (let tries = 0; tries < 100; tries++) {
    const isWarm = await bulk(index).then(
      () => true,
      () => false,
    )
    if (isWarm) return
    await sleep(50)
  }
  throw new Error(`Replica ${index} does not answer before anything was harmed`)
}

function bulk(index: number) {
  return countsAt(world.replicas[index]?.address ?? '', world.clientKey)
}

async function heal({ toPostgres, toRedis, redis }: World): Promise<void> {
  redis.thaw()
  toPostgres.set('open')
  toRedis.set('open')
  await sleep(CALM_MS)
}

function shuffled<T>(items: readonly T[]): T[] {
  return items
    .map((item) => ({ item, at: random() }))
    .sort((one, other) => one.at - other.at)
    .map(({ item }) => item)
}
