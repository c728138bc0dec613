/**
 * The service as it is, on a scale: on SIGUSR2 it collects its garbage and says how much memory it has then. Without that, what
 * is left of starting up (on Node at some starts 60 MiB more than at others) is room in which streams seem to weigh nothing.
 */
import { setTimeout as sleep } from 'node:timers/promises'
import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'

/** What a runtime takes to give back to the system what it has collected. */
const SETTLE_MS = 2_000

const collect = collector()
let weighed = 0
process.on('SIGUSR2', async () => {
  collect()
  await sleep(SETTLE_MS)
  weighed += 1
  process.stdout.write(`weighed ${weighed}: ${process.memoryUsage.rss()} bytes\n`)
})
await import('../src/main.ts')

function collector(): () => void {
  if ('Bun' in globalThis) {
    const { gc } = (globalThis as unknown as { Bun: { gc(isSynchronous: boolean): void } }).Bun
    return () => gc(true)
  }
  setFlagsFromString('--expose-gc')
  const gc = runInNewContext('gc')
  return () => gc({ type: 'major', flavor: 'last-resort' }) // the only one that takes old code too
}
