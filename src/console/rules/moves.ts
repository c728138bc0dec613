import type { Node } from 'jsonc-parser'
import { CODE_DEFAULT } from '../../flag/verbs.ts'
import { definitionOf } from './read.ts'
import { sayName, sayPercent } from './say.ts'
import { jsonValueOf, nodeAt, parseText } from './text.ts'
import type { ConditionView, DefinitionView, OutcomeView, SplitView } from './view.ts'

/** Users that get another variant than before. */
type Move = {
  /** The rules that match them before and after, from 0; undefined: none does. */
  readonly before: number | undefined
  readonly after: number | undefined
  /** Whether the rule has the same condition before and after. */
  readonly isSameRule: boolean
  /** Null: the default in the code. */
  readonly from: string | null
  readonly to: string | null
  /** The share of these users that moves, above 0 and up to 1. */
  readonly share: number
  /** False if the share is an expectation, because two splits by different values are combined. */
  readonly isExact: boolean
}

type Moves = {
  readonly moves: readonly Move[]
  /** False if an advanced result changes, or there are too many rules: more users may move. */
  readonly isComplete: boolean
  /** Whether one of the definitions has rules, so that not all users are treated alike. */
  readonly hasRules: boolean
  /** What everyone gets afterwards, if all get the same. */
  readonly everyone: string | null | undefined
}

/** More conditions than these are not combined: 2^10 cases. */
const CONDITIONS_MAX = 10

/** Computes who changes variant between two definitions. Undefined if one of the texts is not JSON. */
export function movesBetween(before: string, after: string): Moves | undefined {
  const [old, next] = [policyOf(before), policyOf(after)]
  if (!old || !next) return undefined
  const hasRules = old.rules.length + next.rules.length > 0
  const everyone = next.rules.length === 0 ? constantOf(next.otherwise) : next.everyone
  const pairs = matchesOf(old, next)
  const compared = (pairs ?? []).map((pair) => compare(old, next, pair))
  const moves = compared.flatMap((each) => each ?? [])
  return { moves, isComplete: pairs !== undefined && compared.every((each) => each !== undefined), hasRules, everyone }
}

/** A sentence names as many moves. */
const MOVES_SAID_MAX = 3

/** The moves in one English sentence without a full stop. */
export function sayMoves({ moves, isComplete, hasRules, everyone }: Moves): string {
  const more = isComplete ? undefined : 'other users may move too: an advanced part changes'
  if (moves.length === 0)
    return more ? 'the users that move cannot be computed: an advanced part changes' : 'no user moves'
  if (everyone !== undefined && isComplete) return `everyone gets ${variantName(everyone)}`
  const said = moves.slice(0, MOVES_SAID_MAX).map((move) => sayMove(move, hasRules))
  const count = moves.length - said.length
  const rest = count === 0 ? 'no other user moves' : `${count} other group${count === 1 ? ' moves' : 's move'}`
  return [...said, ...(more && count > 0 ? [rest, more] : [more ?? rest])].join('; ')
}

function sayMove({ before, after, isSameRule, from, to, share, isExact }: Move, hasRules: boolean): string {
  const amount = share === 1 ? 'all users' : `${isExact ? '' : 'about '}${sayPercent(share, 1)} of users`
  const group = before === undefined ? ' without a matching rule' : ` of rule ${before + 1}`
  const change = after === undefined ? ' that no rule matches now' : ` that rule ${after + 1} matches now`
  const who = hasRules ? `${amount}${group}${isSameRule ? '' : change}` : amount
  return `${who} move from ${variantName(from)} to ${variantName(to)}`
}

const variantName = (name: string | null): string => (name === null ? `the ${CODE_DEFAULT}` : sayName(name))

/** A definition as the rules that decide. Of advanced results the JSON is kept, to compare them. */
type Policy = {
  readonly rules: readonly { readonly condition: Condition; readonly outcome: Distribution }[]
  readonly otherwise: Distribution
  readonly everyone: string | null | undefined
}
type Condition = { readonly key: string; readonly view: ConditionView }
/** Who gets what: parts of the range from 0 to 1, in order; `by` names what decides. */
type Distribution = { readonly by: string; readonly parts: readonly Part[] } | { readonly json: string }
type Part = { readonly variant: string | null; readonly end: number }

const EVERYONE = 'everyone'
const constant = (variant: string | null): Distribution => ({ by: EVERYONE, parts: [{ variant, end: 1 }] })

function constantOf(outcome: Distribution): string | null | undefined {
  if ('json' in outcome) return undefined
  const [first, ...others] = outcome.parts
  return others.length === 0 ? first?.variant : undefined
}

function policyOf(text: string): Policy | undefined {
  const { root } = parseText(text)
  if (!root) return undefined
  const definition = definitionOf(root)
  const { defaultVariant, state, otherwise } = definition
  if (state !== 'ENABLED') return { rules: [], otherwise: constant(null), everyone: null }
  const distribution = (view: OutcomeView | undefined) => distributionOf(view, defaultVariant, root)
  const rules = reachable(definition).map(({ condition, result }) => ({
    condition: { key: JSON.stringify(valueAt(root, condition)), view: condition },
    outcome: distribution(result),
  }))
  const [first] = rules
  const isForAll = first !== undefined && isAlways(first.condition)
  return { rules, otherwise: distribution(otherwise), everyone: isForAll ? constantOf(first.outcome) : undefined }
}

const valueAt = (root: Node, { path }: ConditionView | OutcomeView): unknown => {
  const node = nodeAt(root, path)
  return node && jsonValueOf(node)
}

const isAlways = ({ view }: { view: ConditionView }): boolean => view.kind === 'constant' && Boolean(view.value)

/** The rules up to the first that is always true. */
function reachable({ rules }: DefinitionView): DefinitionView['rules'] {
  const last = rules.findIndex(({ condition }) => isAlways({ view: condition }))
  return last === -1 ? rules : rules.slice(0, last + 1)
}

function distributionOf(view: OutcomeView | undefined, defaultVariant: string | null, root: Node): Distribution {
  if (view === undefined) return constant(defaultVariant)
  if (view.kind === 'result') return constant(view.variant ?? defaultVariant)
  if (view.kind === 'advanced') return { json: JSON.stringify(valueAt(root, view)) }
  return view.total === 0 ? constant(defaultVariant) : splitOf(view, defaultVariant)
}

function splitOf({ by, shares, total }: SplitView, defaultVariant: string | null): Distribution {
  const parts: { variant: string | null; end: number }[] = []
  let sum = 0
  for (const { variant: name, weight } of shares) {
    sum += weight
    const variant = name ?? defaultVariant
    const last = parts.at(-1)
    if (last && last.variant === variant) last.end = sum / total
    else if (weight > 0) parts.push({ variant, end: sum / total })
  }
  return { by: parts.length === 1 ? EVERYONE : JSON.stringify([by.attribute, by.isSalted]), parts }
}

type Match = { readonly before: number | undefined; readonly after: number | undefined }

/** The combinations of matching rules that may occur. Undefined if there are too many conditions. */
function matchesOf(before: Policy, after: Policy): Match[] | undefined {
  const conditions = new Map([...before.rules, ...after.rules].map(({ condition }) => [condition.key, condition]))
  const keys = [...conditions].filter(([, { view }]) => view.kind !== 'constant').map(([key]) => key)
  if (keys.length > CONDITIONS_MAX) return undefined
  const found = new Map<string, Match>()
  for (let bits = 0; bits < 2 ** keys.length; bits += 1) {
    const held = new Set(keys.filter((_, index) => (bits >> index) % 2 === 1))
    if (!isPossible([...held].flatMap((key) => conditions.get(key)?.view ?? []))) continue
    const first = ({ rules }: Policy) => {
      const at = rules.findIndex(({ condition }) => isAlways(condition) || held.has(condition.key))
      return at === -1 ? undefined : at
    }
    const match = { before: first(before), after: first(after) }
    found.set(JSON.stringify([match.before ?? -1, match.after ?? -1]), match)
  }
  return [...found.values()].sort((one, other) => placeOf(one) - placeOf(other))
}

const placeOf = ({ before = 1e6, after = 1e6 }: Match): number => before * 1e3 + after

/** An attribute does not equal two texts at once. */
function isPossible(views: readonly ConditionView[]): boolean {
  const equal = new Map<string, unknown>()
  for (const view of views) {
    if (view.kind !== 'clause' || (view.operator !== '==' && view.operator !== '===')) continue
    const [value] = view.values
    const known = equal.get(view.attribute)
    if (typeof known === 'string' && typeof value === 'string' && known !== value) return false
    equal.set(view.attribute, known ?? value)
  }
  return true
}

/** The moves of the users of one combination; undefined if they cannot be computed. */
function compare(old: Policy, next: Policy, { before, after }: Match): Move[] | undefined {
  const [one, other] = [ruleOf(old, before), ruleOf(next, after)]
  const isSameRule = one.key === other.key
  const shares = overlap(one.outcome, other.outcome)
  return shares?.map((share) => ({ before, after, isSameRule, ...share }))
}

function ruleOf({ rules, otherwise }: Policy, index: number | undefined) {
  const rule = index === undefined ? undefined : rules[index]
  return rule ? { key: rule.condition.key, outcome: rule.outcome } : { key: undefined, outcome: otherwise }
}

type MovedShare = Pick<Move, 'from' | 'to' | 'share' | 'isExact'>
type Piece = Omit<MovedShare, 'isExact'>

function overlap(before: Distribution, after: Distribution): MovedShare[] | undefined {
  if ('json' in before || 'json' in after)
    return 'json' in before && 'json' in after && before.json === after.json ? [] : undefined
  const isExact = before.by === after.by || before.by === EVERYONE || after.by === EVERYONE
  return sumOf(isExact ? overlay(before.parts, after.parts) : product(before.parts, after.parts), isExact)
}

function sumOf(pieces: readonly Piece[], isExact: boolean): MovedShare[] {
  const moved = new Map<string, MovedShare>()
  for (const { from, to, share } of pieces) {
    if (from === to || share === 0) continue
    const key = JSON.stringify([from, to])
    moved.set(key, { from, to, share: share + (moved.get(key)?.share ?? 0), isExact })
  }
  return [...moved.values()]
}

/** Both are parts of one range: the same hash decides. */
function overlay(before: readonly Part[], after: readonly Part[]): Piece[] {
  const ends = [...new Set([...before, ...after].map(({ end }) => end))].sort((one, other) => one - other)
  const variantAt = (parts: readonly Part[], end: number) => parts.find((part) => part.end >= end)?.variant ?? null
  return ends.map((end, index) => ({
    from: variantAt(before, end),
    to: variantAt(after, end),
    share: end - (ends[index - 1] ?? 0),
  }))
}

/** Two independent hashes decide. */
function product(before: readonly Part[], after: readonly Part[]): Piece[] {
  const sizeOf = (parts: readonly Part[], index: number) => (parts[index]?.end ?? 0) - (parts[index - 1]?.end ?? 0)
  return before.flatMap((one, index) =>
    after.map((other, place) => ({
      from: one.variant,
      to: other.variant,
      share: sizeOf(before, index) * sizeOf(after, place),
    })),
  )
}
