import assert from 'node:assert/strict'
import { test } from 'node:test'
import { readDocument } from '../../src/flag/check/document.ts'
import type { Bucketing, Definition } from '../../src/flag/definition.ts'
import { type Evaluation, evaluateKey, type FlagType } from '../../src/flag/evaluate.ts'
import { compileFlagSet, type FlagSet } from '../../src/flag/flag-set.ts'
import { listFiles, readJson, readText, withConformance } from '../support/conformance.ts'
import { NOW } from '../support/flag-set.ts'
import { readFeature, type Scenario, type Step } from '../support/gherkin.ts'

const EVALUATOR = 'flagd-testbed/evaluator/gherkin'
const TYPES: Readonly<Record<string, FlagType | 'integer'>> = {
  Boolean: 'boolean',
  String: 'string',
  Integer: 'integer',
  Float: 'number',
  Object: 'object',
}

type World = {
  readonly set: FlagSet
  readonly context: Record<string, unknown>
  key: string
  type: string
  fallback: unknown
  evaluation: Evaluation | undefined
}

/** The context and values of the test bed are written as text, with their type beside them. */
function parse(type: string, text: string): unknown {
  return type === 'String' ? text : JSON.parse(text.replaceAll('\\"', '"'))
}

const STEPS: readonly (readonly [RegExp, (world: World, match: readonly string[], step: Step) => void])[] = [
  [/^(?:an evaluator|an option ".*" of type ".*" with value ".*"|a stable flagd provider)$/, () => undefined],
  [
    /^a (\w+)-flag with key "(.*)" and a (?:fallback|default) value "(.*)"$/,
    (world, [type = '', key = '', fallback = '']) =>
      Object.assign(world, { type, key, fallback: parse(type, fallback) }),
  ],
  [
    /^a context containing a key "(.*?)", with type "(.*?)" and with value "(.*)"$/,
    ({ context }, [key = '', type = '', value = '']) => Object.assign(context, { [key]: parse(type, value) }),
  ],
  [
    /^a context containing a targeting key with value "(.*)"$/,
    ({ context }, [targetingKey]) => Object.assign(context, { targetingKey }),
  ],
  [
    /^a context containing a nested property with outer key "(.*)" and inner key "(.*)", with value "(.*)"$/,
    ({ context }, [outer = '', inner = '', value]) => Object.assign(context, { [outer]: { [inner]: value } }),
  ],
  [
    /^the flag was evaluated with details$/,
    (world) => {
      world.evaluation = evaluateKey(world.set, world.key, world.context, NOW, TYPES[world.type])
    },
  ],
  [
    /^the resolved details value should be "(.*)"$/,
    ({ type, evaluation, fallback }, [expected = '']) => {
      const value = evaluation !== undefined && 'value' in evaluation ? evaluation.value : fallback
      assert.deepEqual(value, parse(type, expected))
    },
  ],
  [/^the reason should be "(.*)"$/, ({ evaluation }, [reason]) => assert.equal(evaluation?.reason, reason)],
  [
    /^the error-code should be "(.*)"$/,
    ({ evaluation }, [code]) => assert.equal(evaluation?.reason === 'ERROR' ? evaluation.errorCode : '', code),
  ],
  [/^the resolved metadata is empty$/, ({ evaluation }) => assert.deepEqual(evaluation?.metadata, {})],
  [
    /^the resolved metadata should contain$/,
    ({ evaluation }, _, { table }) => {
      for (const [key = '', type = '', value = ''] of table.slice(1))
        assert.equal(evaluation?.metadata[key], parse(type, value))
    },
  ],
]

function run(scenario: Scenario, set: FlagSet): void {
  const world: World = { set, context: {}, key: '', type: '', fallback: undefined, evaluation: undefined }
  for (const step of scenario.steps) {
    const found = STEPS.find(([pattern]) => pattern.test(step.text))
    assert.ok(found, `No step for: ${step.text}`)
    found[1](world, found[0].exec(step.text)?.slice(1) ?? [], step)
  }
}

function bucketingOf({ tags }: Scenario): Bucketing {
  if (tags.has('@fractional-v1')) return 'v1'
  return tags.has('@fractional-v3') ? 'v3' : 'v2'
}

/** Registers each scenario, in the bucketing of its tag. */
function register(scenarios: readonly Scenario[], sets: Readonly<Record<Bucketing, FlagSet>>): void {
  for (const [index, scenario] of scenarios.entries()) {
    const bucketing = bucketingOf(scenario)
    test(`${index + 1} (${bucketing}): ${scenario.name}`, () => run(scenario, sets[bucketing]))
  }
}

function compileAll(documents: readonly unknown[]): Record<Bucketing, FlagSet> {
  const flags = new Map<string, Definition>()
  const segments: Record<string, unknown> = {}
  for (const document of documents) {
    const { source } = readDocument(document)
    for (const [key, flag] of source.flags) flags.set(key, flag)
    Object.assign(segments, source.segments)
  }
  const compiled = (bucketing: Bucketing) => compileFlagSet({ flags, segments, metadata: {}, bucketing })
  return { v1: compiled('v1'), v2: compiled('v2'), v3: compiled('v3') }
}

withConformance("flagd's evaluator scenarios", () => {
  const scenarios = listFiles(EVALUATOR, '.feature').flatMap((name) => readFeature(readText(`${EVALUATOR}/${name}`)))
  const count = (tag: string) => scenarios.filter(({ tags }) => tags.has(tag)).length

  test('there are 140 scenarios, 15 of them for bucketing v1', () => {
    assert.equal(scenarios.length, 140)
    assert.equal(count('@fractional-v1'), 15)
  })
  register(scenarios, compileAll([readJson('flagd-testbed/evaluator/flags/testkit-flags.json')]))
})

withConformance("flagd's targeting scenarios, with bucketing v3", () => {
  const scenarios = readFeature(readText('flagd-testbed/gherkin/targeting.feature'))
  const rows = scenarios.filter(({ tags }) => tags.has('@fractional-v3'))

  test('there are 132 scenarios for bucketing v3', () => assert.equal(rows.length, 132))
  const documents = listFiles('flagd-testbed/flags', '.json').map((name) => readJson(`flagd-testbed/flags/${name}`))
  register(scenarios, compileAll(documents))
})
