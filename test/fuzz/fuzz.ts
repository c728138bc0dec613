// npm run fuzz [-- --inputs=1000000 --seed=1 --only=N --target=rules --node|--bun]: sends generated inputs to rules, flag sets, OFREP bodies and gRPC frames
// in this process, and through sockets to the service on each runtime: OFREP, gRPC, and every operation of the management API, from its
// OpenAPI document. Fails for a 5xx, a process that ends, an input that hangs, an error that does not name its place, an unexpected error in
// the log, and an evaluation that differs after its definition has travelled. "--only" and "--target" repeat one input of a seed.
import { startTestServer } from '../support/server.ts'
import { pureTargets } from './pure.ts'
import { type Fault, fuzz, type Outcome, type Target } from './target.ts'
import { openWires } from './wires.ts'

const INPUTS = 1_000_000

const args = process.argv.slice(2)
const textAt = (name: string) => args.find((arg) => arg.startsWith(`--${name}=`))?.slice(name.length + 3)
const numberAt = (name: string) => (textAt(name) === undefined ? undefined : Number(textAt(name)))
const seed = numberAt('seed') ?? Math.floor(Math.random() * 2 ** 31)
const options = { inputs: numberAt('inputs') ?? INPUTS, seed, only: numberAt('only') }
const wanted = textAt('target') ?? ''
const named = (['node', 'bun'] as const).filter((runtime) => args.includes(`--${runtime}`))
const runtimes = named.length > 0 ? named : (['node', 'bun'] as const)

let inputs = 0
const faults: string[] = []

async function run(targets: readonly Target[]): Promise<void> {
  for (const target of targets.filter(({ name }) => name.startsWith(wanted))) {
    const result = await fuzz(target, options)
    const { name, seconds, outcomes } = result.figures
    inputs += result.figures.inputs
    console.log(
      `${name}: ${result.figures.inputs} inputs in ${seconds.toFixed(1)} s, ${result.faults.length} faults; ${textFor(outcomes)}`,
    )
    faults.push(...result.faults.map(shown))
  }
}

const textFor = (outcomes: ReadonlyMap<Outcome, number>): string =>
  [...outcomes].map(([outcome, count]) => `${outcome}: ${count}`).join(', ')

const shown = ({ target, number, input, error }: Fault): string =>
  `--target="${target}" --only=${number}\n    input ${input}\n    ${error}`

console.log(`seed ${seed}`)
await run(pureTargets())
const server = await startTestServer()
for (const runtime of runtimes) {
  const wires = await openWires(runtime)
  await run(wires.targets)
  faults.push(...(await wires.faults()).map((fault) => `${runtime}: ${fault}`))
  await wires.close()
}
await server.stop()
for (const fault of faults) console.log(`FAULT ${fault}`)
console.log(`${inputs} inputs, ${faults.length} faults`)
process.exitCode = faults.length > 0 ? 1 : 0
