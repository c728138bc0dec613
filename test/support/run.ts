// npm test: starts a Postgres if TEST_DATABASE_URL names none, runs every test on Node and on Bun, and prints the totals.
import { execFileSync, spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, globSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { parse } from 'smol-toml'
import { HAS_CHROMIUM } from './browser.ts'
import { HAS_DEBIAN_POSTGRES } from './debian-postgres.ts'
import { HAS_PROMTOOL } from './metrics.ts'
import { PGBOUNCER } from './pgbouncer.ts'
import { HAS_REDIS } from './redis.ts'
import { startTestServer } from './server.ts'

type Runtime = 'node' | 'bun'
type Sum = { passed: number; failed: number; skipped: number }

const ROOT = join(import.meta.dirname, '../..')
const BIN = join(ROOT, 'node_modules/.bin')
/** One limit for both runtimes: a test that hangs fails. */
const TEST_MS = testTimeoutMs()
const RUN_MS = 25 * 60_000
/** Test files that run at once: the number of cores of a small machine. */
const AT_ONCE = 2
/** Files of one process on Bun: fewer cost more starts, more leave one process alone at the end. */
const BUN_BATCH = 4

const args = process.argv.slice(2)
const runtimes = (['node', 'bun'] as const).filter(
  (runtime) => args.includes(`--${runtime}`) || !args.some((arg) => /^--(node|bun)$/.test(arg)),
)
const wanted = args.filter((arg) => !arg.startsWith('--'))
/** Run separately by scripts that first build programs in other languages. */
const APART = ['test/providers/', 'test/kubernetes/']
const files = globSync('test/**/*.test.ts', { cwd: ROOT })
  .filter((file) =>
    wanted.length === 0 ? !APART.some((folder) => file.startsWith(folder)) : wanted.some((part) => file.includes(part)),
  )
  .sort()

if (files.length === 0) {
  say(`No test file has ${wanted.join(' or ')} in its path`)
  process.exit(1)
}
if (wanted.length === 0) {
  say('LEFT OUT: the published providers of several languages: npm run providers')
  say('LEFT OUT: manifests and chart on a real API server of Kubernetes: npm run kubernetes')
}
const { url, stop } = await startTestServer()
say(`Tests use ${url.replace(/\/\/.*@/, '//')}`)
if (!existsSync(process.env['CONFORMANCE'] ?? join(ROOT, '../shared/conformance')))
  say('LEFT OUT: the conformance tests, because their data is not here; CONFORMANCE names its folder')
if (!HAS_REDIS)
  say('LEFT OUT: the tests of several replicas and of outages, because this machine has no redis-server; install it')
if (!HAS_DEBIAN_POSTGRES)
  say(
    'LEFT OUT: database URLs against real servers, because this machine has no Postgres of Debian; install postgresql',
  )
if (!PGBOUNCER) say('LEFT OUT: the tests behind a connection pooler, because this machine has no pgbouncer; install it')
if (!HAS_PROMTOOL)
  say(
    "LEFT OUT: the checks of metrics, alerts and dashboard by Prometheus's own tool, because this machine has no promtool; install prometheus",
  )
if (HAS_CHROMIUM) execFileSync(join(BIN, 'node'), [join(ROOT, 'image/console.ts'), '--if-stale'], { stdio: 'inherit' })
else say('LEFT OUT: the console in a real browser, because this machine has no Chromium of Debian; install chromium')
/** The running test runners with their children: process groups, so that one kill reaches all members. */
const groups = new Set<number>()
for (const signal of ['SIGINT', 'SIGTERM'] as const)
  process.once(signal, async () => {
    endGroups()
    await stop()
    process.exit(1)
  })
const total: Sum = { passed: 0, failed: 0, skipped: 0 }
try {
  for (const runtime of runtimes) {
    const sum = await runTests(runtime)
    say(`${runtime}: ${sum.passed} passed, ${sum.failed} failed, ${sum.skipped} skipped`)
    add(total, sum)
  }
} finally {
  await stop()
}
say(`${total.passed} passed, ${total.failed} failed${total.skipped > 0 ? `, ${total.skipped} skipped` : ''}`)
process.exit(total.failed > 0 ? 1 : 0)

/** Runs all files on one runtime. A run that fails without a failed test, or without tests, counts as one failure. */
async function runTests(runtime: Runtime): Promise<Sum> {
  const late = new AbortController()
  const timer = setTimeout(() => {
    say(`${runtime}: not done after ${RUN_MS / 60_000} minutes`)
    late.abort()
    endGroups()
  }, RUN_MS)
  const sum = runtime === 'node' ? await runOnNode() : await runOnBun(late.signal)
  clearTimeout(timer)
  if (sum.passed === 0) sum.failed += 1
  return sum
}

async function runOnNode(): Promise<Sum> {
  const options = ['--test-reporter=spec', `--test-timeout=${TEST_MS}`, `--test-concurrency=${AT_ONCE}`]
  const { code, output } = await run('node', ['--test', ...options, ...files], (chunk) => process.stdout.write(chunk))
  return withExitCode(sumOf(output, /^ℹ (pass|fail|cancelled|skipped) (\d+)$/gm), code)
}

/** Bun runs the files of one process sequentially, so there are several processes with a share of the files each. */
async function runOnBun(late: AbortSignal): Promise<Sum> {
  const sum: Sum = { passed: 0, failed: 0, skipped: 0 }
  const left = [...files]
  const runBatches = async () => {
    while (left.length > 0 && !late.aborted) {
      const batch = left.splice(0, BUN_BATCH).map((file) => `./${file}`)
      const { code, output } = await run('bun', ['test', `--timeout=${TEST_MS}`, ...batch])
      process.stdout.write(output)
      add(sum, withExitCode(sumOf(output, /^ *(\d+) (pass|fail|skip)$/gm), code))
    }
  }
  await Promise.all(Array.from({ length: AT_ONCE }, runBatches))
  return sum
}

/** Runs a test runner to its end. */
async function run(
  runtime: Runtime,
  args: readonly string[],
  onOutput: (chunk: Buffer) => void = () => undefined,
): Promise<{ code: number | null; output: string }> {
  const child = spawn(join(BIN, runtime), args, {
    cwd: ROOT,
    env: { ...process.env, TEST_DATABASE_URL: url, NO_COLOR: '1', FORCE_COLOR: '0' },
    stdio: ['ignore', 'pipe', 'pipe'],
    detached: true,
  })
  const group = child.pid
  if (group !== undefined) groups.add(group)
  let output = ''
  for (const stream of [child.stdout, child.stderr])
    stream.on('data', (chunk: Buffer) => {
      output += chunk
      onOutput(chunk)
    })
  const [code] = await once(child, 'close')
  if (group !== undefined) groups.delete(group)
  return { code, output }
}

function withExitCode(sum: Sum, code: number | null): Sum {
  return code !== 0 && sum.failed === 0 ? { ...sum, failed: 1 } : sum
}

function add(total: Sum, sum: Sum): void {
  for (const kind of ['passed', 'failed', 'skipped'] as const) total[kind] += sum[kind]
}

/** Parses a runner's summary. */
function sumOf(output: string, pattern: RegExp): Sum {
  const sum: Sum = { passed: 0, failed: 0, skipped: 0 }
  for (const match of output.matchAll(pattern)) {
    const [word = '', number = '0'] = /\d/.test(match[1] ?? '') ? [match[2], match[1]] : [match[1], match[2]]
    if (word === 'pass') sum.passed += Number(number)
    else if (word.startsWith('skip')) sum.skipped += Number(number)
    else sum.failed += Number(number)
  }
  return sum
}

function testTimeoutMs(): number {
  const { test } = parse(readFileSync(join(ROOT, 'bunfig.toml'), 'utf8')) as { test: { timeout: number } }
  return test.timeout
}

function endGroups(): void {
  for (const group of groups) process.kill(-group, 'SIGKILL')
}

function say(line: string): void {
  process.stdout.write(`${line}\n`)
}
