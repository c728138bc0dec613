// npm run soak [-- --seconds=1800]: a replica of each runtime under mixed load for half an hour, whose memory must stay flat
// (test/soak/flatness.ts), without an unexpected response. `--json` prints every sample.
import { setTimeout as sleep } from 'node:timers/promises'
import { describeMachine } from '../../bench/machine.ts'
import { kill, type Running, type Runtime, startService } from '../support/process.ts'
import { randomFrom } from '../support/random.ts'
import { request, startReplicas } from '../support/replicas.ts'
import { startTestServer } from '../support/server.ts'
import { isFlat, NOISE, PER_HOUR_MAX, type Sample, trendOf } from './flatness.ts'
import { Traffic } from './traffic.ts'

const option = (name: string, fallback: number) =>
  Number(process.argv.find((arg) => arg.startsWith(`--${name}=`))?.split('=')[1] ?? fallback)
const SECONDS = option('seconds', 1_800)
const SAMPLES = 60
const FLAGS = 200
const RUNTIMES = ['bun', 'node'] as const

type Subject = { runtime: Runtime; service: Running; traffic: Traffic; rss: Sample[]; heap: Sample[] }

const server = await startTestServer()
const replicas = await startReplicas(['bun'])
let isOver = false
const subjects: Subject[] = []
try {
  await prepare()
  const started = performance.now()
  const traffic = subjects.map(({ traffic }) => traffic.run())
  for (let nth = 1; nth <= SAMPLES; nth += 1) {
    await sleep(Math.max(0, started + (nth / SAMPLES) * SECONDS * 1_000 - performance.now()))
    await Promise.all(subjects.map((subject) => measure(subject, nth, started)))
  }
  isOver = true
  await Promise.all(traffic)
} finally {
  await Promise.all(subjects.map(({ service }) => kill(service)))
  await replicas.close()
  await server.stop()
}
process.exit(report() ? 0 : 1)

/** An environment with flags, and a replica of each runtime under test with a memory probe. */
async function prepare(): Promise<void> {
  const { store, redis, adminKey, members } = replicas
  const address = members[0]?.address ?? ''
  const targeting = {
    fractional: [
      ['on', 50],
      ['off', 50],
    ],
  }
  const flag = { state: 'ENABLED', variants: { on: true, off: false }, defaultVariant: 'on', targeting }
  const flags = Object.fromEntries(Array.from({ length: FLAGS }, (_, index) => [`flag-${index}`, flag]))
  const path = '/api/v1/projects/p/environments/e/flagset'
  const applied = await request(address, adminKey, { method: 'PUT', path, body: { flags } })
  if (applied.status !== 200) throw new Error(`Cannot apply the flags: ${JSON.stringify(applied.body)}`)
  const environment = { project: 'p', environment: 'e' }
  const body = { name: 'soak', role: 'server', environment }
  const { body: key } = await request(address, adminKey, { method: 'POST', path: '/api/v1/keys', body })
  const env = { DATABASE_URL: store.url, REDIS_URL: redis.url, FLAGSTAFF_ADMIN_KEY: adminKey }
  for (const runtime of RUNTIMES) {
    const service = await startService(env, { runtime, file: 'bench/memory-probe.ts' })
    const random = randomFrom(subjects.length + 1)
    const options = { adminKey, serverKey: key.secret, flags: FLAGS, random, isOver: () => isOver }
    subjects.push({ runtime, service, traffic: new Traffic(service, options), rss: [], heap: [] })
  }
}

async function measure({ service, rss, heap }: Subject, nth: number, started: number): Promise<void> {
  service.child.kill('SIGUSR2')
  const bytesOf = async (name: string) => Number((await service.says(new RegExp(`${name} ${nth}: (\\d+) bytes\n`)))[1])
  const seconds = (performance.now() - started) / 1_000
  rss.push({ seconds, bytes: await bytesOf('resident') })
  heap.push({ seconds, bytes: await bytesOf('heap') })
}

/** Prints the trends; true if all are flat and no response was unexpected. */
function report(): boolean {
  const machine = describeMachine()
  const complaints = subjects.flatMap(({ runtime, traffic }) =>
    [...traffic.complaints].map((entry) => [runtime, ...entry]),
  )
  const rows = subjects.flatMap(({ runtime, rss, heap }) =>
    Object.entries({ 'resident memory': rss, heap }).map(([name, samples]) => ({ runtime, name, ...trendOf(samples) })),
  )
  if (process.argv.includes('--json'))
    console.log(
      JSON.stringify({ machine, rows, subjects: subjects.map(({ runtime, rss, heap }) => ({ runtime, rss, heap })) }),
    )
  console.log(
    `${SECONDS} s of mixed load on ${machine.cores} × ${machine.cpu}; flat: below ${PER_HOUR_MAX * 100} % in an hour, or below ${NOISE * 100} % in the run\n`,
  )
  console.log(
    '| runtime | after garbage collection | middle third MiB | growth to the last third % | in an hour % | flat |\n|---|---|---:|---:|---:|---|',
  )
  const percent = (share: number) => (share * 100).toFixed(1)
  for (const row of rows)
    console.log(
      `| ${row.runtime} | ${row.name} | ${(row.bytes / 2 ** 20).toFixed(1)} | ${percent(row.growth)} | ${percent(row.growthPerHour)} | ${isFlat(row) ? 'yes' : 'NO'} |`,
    )
  for (const { runtime, traffic } of subjects)
    console.log(`\n${runtime}: ${[...traffic.counts].map(([kind, count]) => `${count} ${kind}`).join(', ')}`)
  for (const [runtime, text, times] of complaints) console.error(`UNEXPECTED on ${runtime}: ${text} (${times} times)`)
  return rows.every(isFlat) && complaints.length === 0
}
