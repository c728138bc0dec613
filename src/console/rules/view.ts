import type { JsonPath } from './text.ts'

/** A JSON value that is no list or object. */
export type JsonScalar = string | number | boolean | null

/** A definition, as the rule builder shows it. */
export type DefinitionView = {
  readonly state: unknown
  readonly variants: readonly VariantView[]
  /** Null: the default in the code. */
  readonly defaultVariant: string | null
  /** Whether there is a rule: targeting that is not absent, null or {}. */
  readonly hasRule: boolean
  /** Whether the rule is made from a plan, beside which it must not be changed. */
  readonly hasPlan: boolean
  /** Pairs of condition and result, also those of an `if` in the else of another. */
  readonly rules: readonly RuleView[]
  /** The result if no rule matches; undefined: the default variant. The whole targeting if it is no `if`. */
  readonly otherwise: OutcomeView | undefined
  /** The variant that everyone gets, if the first rule is always true and names one. Null: the default variant. */
  readonly held: { readonly variant: string | null } | undefined
}

export type VariantView = { readonly path: JsonPath; readonly name: string; readonly value: unknown }

/** One pair of condition and result. */
export type RuleView = {
  /** The list of the `if`. */
  readonly path: JsonPath
  /** The number of the pair in that list, from 0. */
  readonly pair: number
  readonly condition: ConditionView
  readonly result: OutcomeView
}

/** What a rule gives. */
export type OutcomeView = ResultView | SplitView | AdvancedView

/** A variant by name; null: the default variant. */
type ResultView = {
  readonly kind: 'result'
  readonly path: JsonPath
  readonly variant: string | null
  /** As written: a boolean or number may name a variant too. */
  readonly written: JsonScalar
}

/** A `fractional` with constant variants and weights. */
export type SplitView = {
  readonly kind: 'split'
  readonly path: JsonPath
  readonly by: SplitBy
  readonly shares: readonly ShareView[]
  /** The sum of the weights; 0 serves the default variant. */
  readonly total: number
}

/** What is hashed: without `attribute` the flag key and the targeting key; `isSalted`: the flag key and the attribute. */
export type SplitBy = { readonly attribute: string | undefined; readonly isSalted: boolean }

export type ShareView = { readonly path: JsonPath; readonly variant: string | null; readonly weight: number }

/** When a rule matches. */
export type ConditionView =
  | GroupView
  | NotView
  | SegmentView
  | ClauseView
  | TimeView
  | ListView
  | ConstantView
  | AdvancedView

/** All of, or any of, several conditions. */
export type GroupView = {
  readonly kind: 'group'
  readonly path: JsonPath
  readonly operator: 'and' | 'or'
  readonly items: readonly ConditionView[]
}

export type NotView = { readonly kind: 'not'; readonly path: JsonPath; readonly item: ConditionView }

export type SegmentView = { readonly kind: 'segment'; readonly path: JsonPath; readonly name: string }

/** How a clause compares its attribute, seen from the attribute even if the constant is written first. */
export type ClauseOperator =
  | '=='
  | '!='
  | '==='
  | '!=='
  | '<'
  | '<='
  | '>'
  | '>='
  | 'between'
  | 'between_inclusive'
  | 'one_of'
  | 'in_segment'
  | 'contains'
  | 'starts_with'
  | 'ends_with'
  | `sem_ver ${'=' | '!=' | '<' | '<=' | '>' | '>=' | '^' | '~'}`
  | 'is_set'
  | 'is_not_set'

/** An attribute compared with constants. */
export type ClauseView = {
  readonly kind: 'clause'
  readonly path: JsonPath
  readonly attribute: string
  /** The value of the attribute if the context has none. */
  readonly fallback: JsonScalar
  readonly operator: ClauseOperator
  /** One, for `between` two, for `one_of` any number, otherwise none. */
  readonly values: readonly JsonScalar[]
  /** The list of values, for `in_segment`. */
  readonly segment: string | undefined
  /** Whether the constant is written before the attribute. */
  readonly isReversed: boolean
}

/** A comparison of the time of the evaluation, in unix seconds. */
export type TimeView = Omit<ClauseView, 'kind' | 'operator' | 'values'> & {
  readonly kind: 'time'
  readonly operator: '<' | '<=' | '>' | '>=' | 'between' | 'between_inclusive'
  readonly values: readonly number[]
}

/** A segment that is a list of values, for `in`. */
export type ListView = { readonly kind: 'list'; readonly path: JsonPath; readonly values: readonly JsonScalar[] }

/** A constant as condition: always true, or never. */
type ConstantView = { readonly kind: 'constant'; readonly path: JsonPath; readonly value: JsonScalar }

/** Anything else; shown and edited as JSON. */
type AdvancedView = { readonly kind: 'advanced'; readonly path: JsonPath; readonly value: unknown }
