import type { Definition } from '../src/flag/definition.ts'
import type { FlagType } from '../src/flag/evaluate.ts'

/** One flag that is evaluated repeatedly. */
export type EvaluationCase = {
  readonly name: string
  readonly key: string
  readonly type: FlagType
  /** Least ratio to the rate of @openfeature/flagd-core. */
  readonly goal: number
}

export const EVALUATIONS: readonly EvaluationCase[] = [
  { name: 'static', key: 'static', type: 'boolean', goal: 1.5 },
  { name: 'targeting, three conditions', key: 'targeting', type: 'boolean', goal: 3 },
  { name: 'sem_ver', key: 'version', type: 'boolean', goal: 3 },
  { name: 'fractional, seed by cat', key: 'seeded', type: 'string', goal: 3 },
  { name: 'fractional, shorthand', key: 'shorthand', type: 'string', goal: 3 },
]

const state = 'ENABLED'
const onOff = { state, variants: { on: true, off: false }, defaultVariant: 'off' } as const
const suits = {
  state,
  variants: { clubs: 'c', diamonds: 'd', hearts: 'h', spades: 's' },
  defaultVariant: 'clubs',
} as const
const quarters = Object.keys(suits.variants).map((name) => [name, 25])

/** The flags of `EVALUATIONS`. */
export const FLAGS: Readonly<Record<string, Definition>> = {
  static: onOff,
  targeting: {
    ...onOff,
    targeting: {
      if: [
        {
          and: [
            { in: [{ var: 'country' }, ['DE', 'FR', 'NL', 'AT']] },
            { '==': [{ var: 'plan' }, 'pro'] },
            { '>=': [{ var: 'age' }, 18] },
          ],
        },
        'on',
        'off',
      ],
    },
  },
  version: { ...onOff, targeting: { if: [{ sem_ver: [{ var: 'version' }, '>=', '2.1.0'] }, 'on', 'off'] } },
  seeded: {
    ...suits,
    targeting: { fractional: [{ cat: [{ var: '$flagd.flagKey' }, { var: 'email' }] }, ...quarters] },
  },
  shorthand: { ...suits, targeting: { fractional: quarters } },
}

/** Contexts that reach every branch of the rules above, of the size that applications send. */
export const CONTEXTS = Array.from({ length: 64 }, (_, index) => ({
  targetingKey: `user-${index}`,
  email: `user${index}@example.com`,
  country: ['DE', 'US', 'FR', 'BR'][index % 4] ?? '',
  plan: index % 3 === 0 ? 'free' : 'pro',
  age: 10 + index,
  version: `${index % 4}.${index % 7}.${index % 11}`,
}))

/** Number of flags that are loaded. */
export const FLAG_COUNT = 10_000

/** A document of `FLAG_COUNT` flags: an equal share of each kind above, and of one whose rule is a shared segment. */
export function largeDocument(): { flags: Record<string, Definition>; $evaluators: Record<string, unknown> } {
  const staff = { ...onOff, targeting: { if: [{ $ref: 'staff' }, 'on', 'off'] } }
  const kinds = [...Object.values(FLAGS), staff]
  const flags: Record<string, Definition> = {}
  for (let index = 0; index < FLAG_COUNT; index += 1)
    flags[`team-${index % 40}.flag-${index}`] = {
      ...(kinds[index % kinds.length] ?? staff),
      metadata: { owner: `team-${index % 40}`, ticket: index },
    }
  return { flags, $evaluators: { staff: { ends_with: [{ var: 'email' }, '@example.com'] } } }
}
