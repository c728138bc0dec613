/**
 * Memory of a replica for each number of flags: resident after a garbage collection, with an environment whose flags were all evaluated.
 * Real replicas of each runtime on a real Postgres. `--json` prints figures instead of a table.
 */
import { argv, stdout } from 'node:process'
import { kill, type Running, type Runtime, startService } from '../test/support/process.ts'
import { request } from '../test/support/replicas.ts'
import { startTestServer } from '../test/support/server.ts'
import { openStore } from '../test/support/store.ts'
import { manyFlags } from './http-cases.ts'
import { describeMachine } from './machine.ts'

const SIZES = [0, 1_000, 10_000]
const ADMIN_KEY = 'admin-key-for-benches-only-0123456789'

type Figures = { readonly runtime: Runtime; readonly mib: readonly number[] }

const server = await startTestServer()
process.env['TEST_DATABASE_URL'] = server.url
const store = await openStore()
try {
  await prepare()
  const rows: Figures[] = []
  for (const runtime of ['bun', 'node'] as const) rows.push({ runtime, mib: await measure(runtime) })
  stdout.write(
    argv.includes('--json') ? `${JSON.stringify({ machine: describeMachine(), rows }, null, 2)}\n` : table(rows),
  )
} finally {
  await store.close()
  await server.stop()
}

function start(runtime: Runtime): Promise<Running> {
  const env = { DATABASE_URL: store.url, FLAGSTAFF_ADMIN_KEY: ADMIN_KEY }
  return startService(env, { runtime, file: 'bench/memory-probe.ts' })
}

/** One environment for each number of flags, by a replica that is not measured. */
async function prepare(): Promise<void> {
  const service = await start('bun')
  const send = async (method: string, path: string, body: object) => {
    const { status } = await request(service.address, ADMIN_KEY, { method, path: `/api/v1/projects${path}`, body })
    if (status >= 300) throw new Error(`Cannot prepare the flags: ${method} ${path} was answered with ${status}`)
  }
  await send('POST', '', { key: 'p' })
  for (const size of SIZES) {
    await send('POST', '/p/environments', { key: `e${size}` })
    await send('PUT', `/p/environments/e${size}/flagset`, { flags: manyFlags(size) })
  }
  await kill(service)
}

/** A new replica for each size, so that none has the memory of another. */
async function measure(runtime: Runtime): Promise<number[]> {
  const figures: number[] = []
  for (const size of SIZES) {
    const service = await start(runtime)
    const headers = { 'flagd-selector': `flagSetId=p/e${size}` }
    const bulk = { method: 'POST', path: '/ofrep/v1/evaluate/flags', body: { context: { targetingKey: 'u' } }, headers }
    const { status } = await request(service.address, ADMIN_KEY, bulk)
    if (status !== 200) throw new Error(`Cannot measure: a bulk of ${size} flags was answered with ${status}`)
    service.child.kill('SIGUSR2')
    const [, bytes] = await service.says(/resident 1: (\d+) bytes\n/)
    figures.push(Math.round(Number(bytes) / 2 ** 20))
    await kill(service)
  }
  return figures
}

function table(rows: readonly Figures[]): string {
  const { cpu, cores } = describeMachine()
  const head = `| resident MiB with | ${SIZES.map((size) => `${size.toLocaleString('en')} flags`).join(' | ')} |`
  const lines = rows.map(({ runtime, mib }) => `| ${runtime} | ${mib.join(' | ')} |`)
  return `${cores} × ${cpu}\n\n${head}\n|---|${SIZES.map(() => '---:|').join('')}\n${lines.join('\n')}\n`
}
