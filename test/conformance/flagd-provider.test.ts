import { after, before, describe, test } from 'node:test'
import { OpenFeature } from '@openfeature/server-sdk'
import { listFiles, readText, withConformance } from '../support/conformance.ts'
import { readFeature, type Scenario } from '../support/gherkin.ts'
import { type Environment, type Launchpad, openLaunchpad } from '../support/launchpad.ts'
import { type Mode, ProviderScenario } from '../support/provider-scenario.ts'
import { readSets } from '../support/testbed.ts'

const FEATURES = 'flagd-testbed/gherkin'
/** Concurrent scenarios: most of the time they wait for a server to restart. */
const AT_ONCE = 6

/** Scenarios that are left out, and why. */
const LEFT_OUT: Readonly<Record<string, string>> = {
  '@unixsocket': 'the service has no unix socket',
  '@targetURI': 'no Envoy stands in front',
  '@env-var': "about the client's own options",
  '@deprecated': 'of versions that are no more',
}
/** The provider evaluates in process like v2: only the server has the other algorithms. */
const LEFT_OUT_IN_PROCESS: Readonly<Record<string, string>> = {
  '@fractional-v1': 'the provider knows v2 only',
  '@fractional-v3': 'the provider knows v2 only',
}
/** Scenarios about features that this client does not have. */
const NOT_THIS_CLIENT: Readonly<Record<string, string>> = {
  'Stale and Error stage': 'the provider forgets its cache as soon as the connection breaks',
}
/** Scenarios about how the client reads its options: no server is involved, and the provider does not export that function. */
const CLIENT_ONLY = 'config.feature'
/** The environments that correspond to flagd's sources. */
const SOURCES: Readonly<Record<string, string>> = {
  'flags/allFlags.json': 'all',
  'rawflags/selector-flags.json': 'selector-flags',
  'rawflags/selector-flag-combined-metadata.json': 'selector-flag-combined-metadata',
}

type Planned = { readonly mode: Mode; readonly feature: string; readonly scenario: Scenario }

function plan(): Planned[] {
  return listFiles(FEATURES, '.feature')
    .filter((feature) => feature !== CLIENT_ONLY)
    .flatMap((feature) =>
      readFeature(readText(`${FEATURES}/${feature}`)).flatMap((scenario) =>
        (['rpc', 'in-process'] as const).flatMap((mode) =>
          isMeant(scenario, mode) ? [{ mode, feature, scenario }] : [],
        ),
      ),
    )
}

function isMeant({ name, tags }: Scenario, mode: Mode): boolean {
  if (Object.hasOwn(NOT_THIS_CLIENT, name)) return false
  const leftOut = { ...LEFT_OUT, ...(mode === 'in-process' && LEFT_OUT_IN_PROCESS) }
  return tags.has(`@${mode}`) && !Object.keys(leftOut).some((tag) => tags.has(tag))
}

/** Runs a limited number at once, in order. */
function limited(max: number): <T>(work: () => Promise<T>) => Promise<T> {
  let free = max
  const waiting: (() => void)[] = []
  return async (work) => {
    if (free === 0) await new Promise<void>((resolve) => waiting.push(resolve))
    else free -= 1
    try {
      return await work()
    } finally {
      const next = waiting.shift()
      if (next) next()
      else free += 1
    }
  }
}

withConformance("scenarios of flagd's test bed with its published provider", () => {
  const planned = plan()
  const runs = new Map<Planned, Promise<void>>()
  let launchpad: Launchpad
  const environments = new Map<string, Promise<Environment>>()

  const run = async ({ mode, scenario: { steps, tags } }: Planned): Promise<void> => {
    const isHarmful = steps.some(({ text }) => text.startsWith('the connection is lost'))
    const isChanging = steps.some(({ text }) => text === 'the flag was modified')
    const bucketing = tags.has('@fractional-v1') ? 'v1' : tags.has('@fractional-v3') ? 'v3' : 'v2'
    const environmentOf = (source = 'flags/allFlags.json'): Promise<Environment> => {
      const set = SOURCES[source] ?? ''
      const document = readSets().get(set)
      if (!document) throw new Error(`There is no source "${source}"`)
      if (isChanging) return launchpad.environment(document, bucketing)
      const known = environments.get(`${set} ${bucketing}`) ?? launchpad.environment(document, bucketing)
      environments.set(`${set} ${bucketing}`, known)
      return known
    }
    const scenario = new ProviderScenario({ mode, launchpad, environmentOf, isHarmful })
    try {
      await scenario.run(steps)
    } finally {
      await scenario.close()
    }
  }

  before(async () => {
    launchpad = await openLaunchpad()
    const limit = limited(AT_ONCE)
    for (const one of planned) {
      const done = limit(() => run(one))
      done.catch(() => undefined) // reported by its test
      runs.set(one, done)
    }
  })
  after(async () => {
    await OpenFeature.close()
    await launchpad.close()
  })

  for (const one of planned)
    describe(`${one.mode} ${one.feature}`, () => {
      test(one.scenario.name, async () => {
        await runs.get(one)
      })
    })
})
