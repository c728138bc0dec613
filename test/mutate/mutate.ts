// npm run mutate [-- --requests=200000 --seconds=600 --seed=1 --only=N --node|--bun]: sends mutated HTTP/1.1 requests to the listener of each runtime, in a
// separate process with a real database. Fails for a response of 500, a connection that stays open, a process that ends or no longer serves
// valid requests, memory that grows, and unexpected errors. "--only" repeats one conversation of a seed.
import { startTestServer } from '../support/server.ts'
import { attack, type Outcome } from './attack.ts'

const REQUESTS = 200_000
/** MiB. Node holds 300 under load. */
const MEMORY_MAX = 600
const GROWTH_MAX = 250
const SHOWN = 3_000

const args = process.argv.slice(2)
const option = (name: string): number | undefined => {
  const [, value] = args.find((arg) => arg.startsWith(`--${name}=`))?.split('=') ?? []
  return value === undefined ? undefined : Number(value)
}
const seed = option('seed') ?? Math.floor(Math.random() * 2 ** 31)
const requests = option('requests') ?? REQUESTS
const seconds = option('seconds')
const only = option('only')
const named = (['node', 'bun'] as const).filter((runtime) => args.includes(`--${runtime}`))

const server = await startTestServer()
let isGood = true
for (const runtime of named.length > 0 ? named : (['node', 'bun'] as const)) {
  const outcome = await attack({ runtime, requests, seed, seconds, only })
  const faults = faultsOf(outcome)
  const statuses = [...outcome.statuses].sort(([one], [other]) => one - other).map((pair) => pair.join(': '))
  const { early, end, peak } = outcome.memory
  console.log(`${runtime}: ${outcome.requests} requests in ${outcome.seconds.toFixed(0)} s, seed ${seed}`)
  console.log(`  statuses ${statuses.join(', ')}; ${early} MiB early, ${end} at the end, ${peak} at most`)
  for (const fault of faults) console.log(`  FAULT ${fault}`)
  isGood &&= faults.length === 0
}
await server.stop()
process.exitCode = isGood ? 0 : 1

function faultsOf({ failures, memory, logged }: Outcome): string[] {
  const { early, end, peak } = memory
  return [
    ...failures.map(({ what, number, sent, received }) => {
      const shown = [sent, received].map((text) => JSON.stringify(text.slice(0, SHOWN)))
      return `--only=${number} ${what}\n    sent ${shown[0]}\n    received ${shown[1]}`
    }),
    ...logged.map((line) => `logged ${line.slice(0, SHOWN)}`),
    ...(peak > MEMORY_MAX ? [`${peak} MiB resident`] : []),
    ...(only === undefined && end - early > GROWTH_MAX ? [`memory grew from ${early} to ${end} MiB`] : []),
  ]
}
