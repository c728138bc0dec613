import type { Context } from '../../src/flag/definition.ts'
import type { Random } from '../support/random.ts'

/** The segments that generated rules refer to. */
export const SEGMENTS = {
  staff: { ends_with: [{ var: 'email' }, '@example.com'] },
  adults: { '>=': [{ var: 'age' }, 18] },
  countries: ['DE', 'FR', 'PL'],
  half: { fractional: [{ cat: ['salt', { var: '$flagd.flagKey' }] }, ['a', 1], ['b', 1]] },
}

const DEPTH_MAX = 4
const TEXTS = [
  'a',
  'b',
  'pro',
  'free',
  'DE',
  'ada@example.com',
  '@example.com',
  '',
  '0',
  '1',
  '12',
  '1.5',
  '1.2.3',
  'Zażółć',
  '😀',
  'true',
  'null',
  ' a ',
  '"a"',
]
const NUMBERS = [0, 1, -1, 2, 3, 10, 18, 42, 0.5, -2.5, 100, 1_000_000, 2_147_483_647]
const PATHS = [
  'targetingKey',
  'email',
  'plan',
  'age',
  'version',
  'country',
  'beta',
  'roles',
  'tags',
  'nested.a',
  'nested.b.c',
  'nested',
  'tags.0',
  'gone',
  'nil',
  'wanted',
  '$flagd.flagKey',
  '$flagd.timestamp',
]
/** Values that attributes are compared with. */
const SENSE: readonly (readonly [path: string, values: readonly unknown[]])[] = [
  ['plan', ['pro', 'free']],
  ['country', ['DE', 'FR']],
  ['email', ['ada@example.com']],
  ['age', [18, 42, 17.5]],
  ['$flagd.timestamp', [1_700_000_000, 4_000_000_000]],
  ['beta', [true, false]],
  ['nested.a', [1, 'a']],
  ['gone', ['a']],
]
const VERSIONS = ['1.2.3', '1.0.0', '2.0.0-rc.1', 'v1.2.3', '1.2', '3', '0.0.1', 'x']
const VARIANTS = ['a', 'b', 'true', 'false', '1']

/** Creates rules of all operators, mostly realistic ones, some with operands of other types. */
export class Generator {
  readonly #random: Random

  constructor(random: Random) {
    this.#random = random
  }

  /** A rule that a strict save accepts as the targeting of a flag: an object, or null. */
  targeting(): unknown {
    for (;;) {
      const rule = this.rule()
      if (rule === null || (typeof rule === 'object' && !Array.isArray(rule))) return rule
    }
  }

  /** A rule whose value mostly names a variant. */
  rule(depth = 0): unknown {
    if (depth >= DEPTH_MAX) return this.#of<unknown>([...VARIANTS, null])
    return this.#draw([
      [30, () => ({ if: this.#branches(depth) })],
      [12, () => this.#fractional(depth)],
      [8, () => this.#of(VARIANTS)],
      [6, () => this.condition(depth + 1)],
      [4, () => ({ var: this.#chance(0.3) ? ['wanted', this.#of(VARIANTS)] : 'wanted' })],
      [4, () => ({ [this.#of(['or', 'and'])]: [this.rule(depth + 1), this.rule(depth + 1)] })],
      [3, () => ({ cat: [this.#of(['a', 'b', 'tr', '']), this.#of(['', 'ue', ' '])] })],
      [2, () => this.value(depth + 1)],
      [2, () => ({ substr: [this.#of(VARIANTS), 0, this.#of([1, 4, 5])] })],
      [1, () => ({ $ref: 'half' })],
      [1, () => null],
    ])
  }

  /** A rule whose value is mostly a boolean. */
  condition(depth = 0): unknown {
    if (depth >= DEPTH_MAX)
      return this.#draw<unknown>([
        [3, () => ({ var: this.#of(PATHS) })],
        [1, () => this.#chance(0.5)],
      ])
    const two = () => (this.#chance(0.75) ? this.#pair() : [this.value(depth + 1), this.value(depth + 1)])
    const conditions = () => Array.from({ length: this.#count(1, 3) }, () => this.condition(depth + 1))
    const loop = () => [{ var: this.#of(['roles', 'tags', 'gone', 'age']) }, this.#item(depth + 1)]
    return this.#draw([
      [14, () => ({ [this.#of(['==', '!=', '===', '!=='])]: two() })],
      [14, () => ({ [this.#of(['<', '<=', '>', '>='])]: two() })],
      [3, () => ({ [this.#of(['<', '<='])]: [...two(), this.value(depth + 1)] })],
      [12, () => ({ [this.#of(['and', 'or'])]: conditions() })],
      [
        5,
        () => ({
          [this.#of(['!', '!!'])]: this.#chance(0.5) ? this.condition(depth + 1) : [this.condition(depth + 1)],
        }),
      ],
      [8, () => ({ in: [this.value(depth + 1), this.#haystack(depth + 1)] })],
      [8, () => ({ [this.#of(['starts_with', 'ends_with'])]: [this.#text(depth + 1), this.#text(depth + 1)] })],
      [
        8,
        () => ({ sem_ver: [this.#version(), this.#of(['=', '!=', '<', '<=', '>', '>=', '^', '~']), this.#version()] }),
      ],
      [5, () => ({ var: this.#of(PATHS) })],
      [4, () => ({ [this.#of(['all', 'some', 'none'])]: loop() })],
      [3, () => ({ missing: [this.#of(PATHS), this.#of(PATHS)] })],
      [2, () => ({ missing_some: [this.#of([1, 2]), [this.#of(PATHS), this.#of(PATHS)]] })],
      [3, () => ({ $ref: this.#of(['staff', 'adults']) })],
      [1, () => this.#of<unknown>([true, false, null, 0, 1, '', 'a'])],
    ])
  }

  /** Any value. */
  value(depth = 0): unknown {
    if (depth >= DEPTH_MAX) return this.#literal()
    const some = (least: number) => Array.from({ length: this.#count(least, 3) }, () => this.value(depth + 1))
    return this.#draw([
      [30, () => ({ var: this.#of(PATHS) })],
      [4, () => ({ var: [this.#of(PATHS), this.#literal()] })],
      [20, () => this.#literal()],
      [5, () => ({ [this.#of(['+', '*'])]: this.#numbers(depth, 3) })],
      [4, () => ({ '-': this.#numbers(depth, 2) })],
      [
        4,
        () => ({
          [this.#of(['/', '%'])]: [...this.#numbers(depth, 1), this.#of<unknown>([2, 3, 0.5, 0, { var: 'age' }])],
        }),
      ],
      [3, () => ({ [this.#of(['max', 'min'])]: this.#numbers(depth, 3) })],
      [4, () => ({ cat: some(1) })],
      [
        3,
        () => ({
          substr: [this.#text(depth + 1), this.#of([0, 1, -2]), ...(this.#chance(0.5) ? [this.#of([1, 2, -1])] : [])],
        }),
      ],
      [2, () => ({ if: [this.condition(depth + 1), this.value(depth + 1), this.value(depth + 1)] })],
      [2, () => ({ merge: some(1) })],
      [2, () => ({ [this.#of(['map', 'filter'])]: [{ var: this.#of(['roles', 'tags']) }, this.#item(depth + 1)] })],
      [
        2,
        () => ({
          reduce: [{ var: this.#of(['tags', 'roles']) }, { '+': [{ var: 'accumulator' }, 1] }, this.#of([0, 1])],
        }),
      ],
      [1, () => this.#fractional(depth)],
    ])
  }

  context(): Context {
    const context: Record<string, unknown> = {}
    const put = (name: string, chance: number, values: readonly unknown[]) => {
      if (this.#chance(chance)) context[name] = this.#of(values)
    }
    put('targetingKey', 0.85, [
      'ada',
      'user-1',
      'user-2',
      'x'.repeat(50),
      '42',
      'Zażółć',
      '',
      12,
      null,
      `u${this.#count(0, 1e6)}`,
    ])
    put('email', 0.8, [
      'ada@example.com',
      'eve@example.org',
      '',
      `u${this.#count(0, 1e6)}@example.com`,
      'ż@example.com',
      null,
    ])
    put('plan', 0.6, ['pro', 'free', '', 1])
    put('age', 0.7, [17, 18, 42, 0, -1, 17.5, '42', '', 'old', null, true])
    put('version', 0.7, [...VERSIONS, 1, 1.2, null])
    put('country', 0.6, ['DE', 'FR', 'US', ''])
    put('beta', 0.5, [true, false, 'true', 0, 1])
    put('roles', 0.5, [
      [],
      [
        { name: 'admin', level: 3 },
        { name: 'user', level: 1 },
      ],
      [{ name: 'user' }],
      'admin',
      {},
    ])
    put('tags', 0.6, [[], ['a'], ['a', 'b', ''], [1, 2, 3], ['1', 2, null], [[1], [2]], 'a,b'])
    put('nested', 0.5, [{}, { a: 1 }, { a: 'a', b: { c: 'DE' } }, { b: { c: 18 } }, 'text'])
    put('nil', 0.3, [null])
    put('wanted', 0.7, [...VARIANTS, ...VARIANTS, 'none', true, 1, 2, null, '', ' a', [], {}])
    return context
  }

  #branches(depth: number): unknown[] {
    const parts = Array.from({ length: this.#count(1, 2) }, () => [
      this.condition(depth + 1),
      this.rule(depth + 1),
    ]).flat()
    return this.#chance(0.7) ? [...parts, this.rule(depth + 1)] : parts
  }

  #fractional(depth: number): unknown {
    const seed = this.#draw<unknown[]>([
      [4, () => []],
      [3, () => [{ cat: [{ var: '$flagd.flagKey' }, { var: 'email' }] }]],
      [3, () => [{ var: this.#of(['email', 'plan', 'age', 'gone']) }]],
      [1, () => [{ cat: ['salt', { var: 'targetingKey' }] }]],
    ])
    const weight = () =>
      this.#draw<unknown>([
        [8, () => this.#count(0, 100)],
        [1, () => ({ var: 'age' })],
        [1, () => this.#of([0.5, -1])],
      ])
    const share = () => {
      const variant = this.#draw<unknown>([
        [9, () => this.#of([...VARIANTS, true, 1])],
        [1, () => this.rule(depth + 2)],
        [1, () => null],
      ])
      return this.#chance(0.85) ? [variant, weight()] : [variant]
    }
    return { fractional: [...seed, ...Array.from({ length: this.#count(1, 4) }, share)] }
  }

  /** Mostly numbers, up to `most` of them. */
  #numbers(depth: number, most: number): unknown[] {
    const number = () =>
      this.#draw<unknown>([
        [6, () => this.#of(NUMBERS)],
        [6, () => ({ var: this.#of(['age', 'nested.a', '$flagd.timestamp', 'tags.0', 'nil']) })],
        [2, () => this.value(depth + 1)],
      ])
    return Array.from({ length: this.#count(1, most) }, number)
  }

  #pair(): unknown[] {
    const [path, values] = this.#of(SENSE)
    const pair = [{ var: path }, this.#of(values)]
    return this.#chance(0.9) ? pair : pair.reverse()
  }

  #item(depth: number): unknown {
    return this.#draw<unknown>([
      [3, () => ({ var: this.#of(['', 'name', 'level']) })],
      [3, () => ({ '==': [{ var: this.#of(['', 'name']) }, this.#of(['a', 'admin', 1])] })],
      [2, () => ({ '>': [{ var: this.#of(['', 'level']) }, 1] })],
      [1, () => this.condition(depth + 1)],
    ])
  }

  #haystack(depth: number): unknown {
    return this.#draw<unknown>([
      [4, () => ['DE', 'FR', 'a', 1]],
      [3, () => this.#of(TEXTS)],
      [3, () => ({ var: this.#of(['tags', 'email', 'roles', 'gone', 'age']) })],
      [1, () => ({ $ref: 'countries' })],
      [1, () => this.value(depth + 1)],
    ])
  }

  #text(depth: number): unknown {
    return this.#draw<unknown>([
      [5, () => ({ var: this.#of(['email', 'plan', 'country', 'gone', 'age', 'nil']) })],
      [4, () => this.#of(TEXTS)],
      [1, () => this.value(depth + 1)],
    ])
  }

  #version(): unknown {
    return this.#draw<unknown>([
      [1, () => ({ var: 'version' })],
      [1, () => this.#of(VERSIONS)],
    ])
  }

  #literal(): unknown {
    return this.#draw<unknown>([
      [6, () => this.#of(TEXTS)],
      [6, () => this.#of(NUMBERS)],
      [2, () => this.#chance(0.5)],
      [1, () => null],
      [1, () => this.#of([[], ['a'], ['DE', 'FR'], [1, 2]])],
    ])
  }

  #chance(share: number): boolean {
    return this.#random() < share
  }

  #count(least: number, most: number): number {
    return least + Math.floor(this.#random() * (most - least + 1))
  }

  #of<T>(values: readonly T[]): T {
    return values[Math.floor(this.#random() * values.length)] as T
  }

  #draw<T>(choices: readonly (readonly [weight: number, make: () => T])[]): T {
    let left = this.#random() * choices.reduce((sum, [weight]) => sum + weight, 0)
    for (const [weight, make] of choices) {
      left -= weight
      if (left < 0) return make()
    }
    throw new Error('Cannot draw: there are no choices')
  }
}
