/**
 * The service with a memory probe: on SIGUSR2 it collects garbage and prints its resident memory and its heap. Without the collection,
 * garbage of the start (on Node up to 60 MiB more at some starts) hides the memory of streams.
 */
import { setTimeout as sleep } from 'node:timers/promises'
import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'

/** The time in which a runtime returns collected memory to the system. */
const SETTLE_MS = 2_000

const collect = collector()
let count = 0
process.on('SIGUSR2', async () => {
  collect()
  await sleep(SETTLE_MS)
  count += 1
  const { rss, heapUsed } = process.memoryUsage()
  process.stdout.write(`resident ${count}: ${rss} bytes\nheap ${count}: ${heapUsed} bytes\n`)
})
await import('../src/main.ts')

function collector(): () => void {
  if ('Bun' in globalThis) {
    const { gc } = (globalThis as unknown as { Bun: { gc(isSynchronous: boolean): void } }).Bun
    return () => gc(true)
  }
  setFlagsFromString('--expose-gc')
  const gc = runInNewContext('gc')
  return () => gc({ type: 'major', flavor: 'last-resort' }) // the only type that also collects old code
}
