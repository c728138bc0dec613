import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { withConformance } from '../support/conformance.ts'
import { RUNTIME } from '../support/process.ts'
import { LANGUAGES, type Language, programOf } from './build.ts'
import type { Mode } from './cases.ts'
import type { ProviderProgram } from './program.ts'
import { openWorld, type Subject, type Watched, type World } from './world.ts'

type Watcher = { readonly name: string; readonly program: ProviderProgram; readonly hasEvents: boolean }

const CHANGE_MS = 10_000
/** A gRPC channel whose server was unavailable retries with increasing delays. */
const RECONNECT_MS = 40_000
const DOWN_SECONDS = 3
const CASE = { environment: 'changing', key: 'changing-flag', type: 'string', default: 'neither', context: {} } as const
/** OFREP has no events for servers, and the SDK for Rust has none at all. */
const hasEvents = (language: Language, mode: Mode): boolean => mode !== 'ofrep' && language !== 'rust'

withConformance('events of published providers', () => {
  let world: World
  let watched: Watched
  let watchers: readonly Watcher[]
  let evaluations = 0

  before(async () => {
    world = await openWorld({ hasCases: false })
    watched = await world.watch()
    const subjects = LANGUAGES.flatMap(subjectsOf)
    // Two at a time: each start uses a core, and has a time limit of seconds.
    const halves = [0, 1].map((half) => startAll(subjects.filter((_, at) => at % 2 === half)))
    watchers = (await Promise.all(halves)).flat()
  })
  after(() => world.close())

  test(`a change reaches every provider, also after a restart of the service on ${RUNTIME}`, async () => {
    await all(watchers, (one) => answers(one, 'foo', CHANGE_MS))

    const before = marks(watchers)
    await watched.change()
    await all(watchers, (one) => waitsFor(one, ['CONFIGURATION_CHANGED'], CHANGE_MS, before.get(one)))
    await all(watchers, (one) => answers(one, 'bar', CHANGE_MS))

    const stopped = marks(watchers)
    watched.restart(DOWN_SECONDS)
    await all(watchers, (one) => waitsFor(one, ['STALE', 'ERROR'], RECONNECT_MS, stopped.get(one)))
    const back = marks(watchers)
    await all(watchers, (one) => waitsFor(one, ['READY'], RECONNECT_MS, back.get(one)))
    await all(watchers, (one) => answers(one, 'bar', RECONNECT_MS))

    const again = marks(watchers)
    await watched.change()
    await all(watchers, (one) => waitsFor(one, ['CONFIGURATION_CHANGED'], RECONNECT_MS, again.get(one)))
    await all(watchers, (one) => answers(one, 'foo', RECONNECT_MS))
    process.stdout.write(`events (${RUNTIME}): ${watchers.map(({ name }) => name).join(', ')}\n`)
  })

  async function startAll(subjects: readonly Subject[]): Promise<Watcher[]> {
    const started: Watcher[] = []
    for (const subject of subjects) {
      const { language, mode } = subject
      const program = await watched.start(subject)
      started.push({ name: `${language} ${mode}`, program, hasEvents: hasEvents(language, mode) })
    }
    return started
  }

  /** Evaluates repeatedly until the value is `value`. */
  async function answers({ program }: Watcher, value: string, ms: number): Promise<void> {
    const late = performance.now() + ms
    for (;;) {
      evaluations += 1
      const [answer] = await program.evaluate([{ ...CASE, id: evaluations }])
      if (answer?.value === value && !answer.error) return
      assert.ok(performance.now() < late, `the answer is ${JSON.stringify(answer)}, not "${value}", after ${ms} ms`)
      await new Promise((resolve) => setTimeout(resolve, 100))
    }
  }
})

function subjectsOf(language: Language): Subject[] {
  const built = programOf(language)
  if ('command' in built)
    return (['ofrep', 'rpc', 'in-process'] as const).map((mode) => ({ language, mode, command: built.command }))
  process.stderr.write(`LEFT OUT: the events of the provider of ${language}: ${built.missing}\n`)
  return []
}

/** The number of events of each so far. */
const marks = (watchers: readonly Watcher[]): Map<Watcher, number> =>
  new Map(watchers.map((one) => [one, one.program.events.length]))

async function waitsFor({ program, hasEvents }: Watcher, names: string[], ms: number, from = 0): Promise<void> {
  if (!hasEvents) return
  const found = await program.event(({ event }) => names.includes(event), ms, from)
  if (found.event === 'CONFIGURATION_CHANGED')
    assert.ok(!found.flags?.length || found.flags.includes(CASE.key), JSON.stringify(found))
}

/** Runs a step with all, and reports every failure. */
async function all(watchers: readonly Watcher[], step: (one: Watcher) => Promise<void>): Promise<void> {
  const done = await Promise.allSettled(watchers.map(step))
  const faults = done.flatMap((one, at) =>
    one.status === 'rejected' ? [`${watchers[at]?.name}: ${String(one.reason).slice(0, 600)}`] : [],
  )
  assert.deepEqual(faults, [])
}
