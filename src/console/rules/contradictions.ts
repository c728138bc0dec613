import type { ClauseView, ConditionView, JsonScalar, TimeView } from './view.ts'

/**
 * Whether two conditions can never hold at once. Only clauses about the same attribute are compared, by the values that they
 * allow; false for all others.
 */
export function conflictIn(one: ConditionView, other: ConditionView): boolean {
  const [left, right] = [clauseOf(one), clauseOf(other)]
  if (!left || !right) return false
  if (left.view.attribute !== right.view.attribute || left.view.fallback !== right.view.fallback) return false
  return isOpposite(left, right) || isApart(left, right)
}

/** A clause, or its negation. */
type Literal = { readonly view: ClauseView | TimeView; readonly isNegated: boolean }

function clauseOf(condition: ConditionView): Literal | undefined {
  if (condition.kind === 'clause' || condition.kind === 'time') return { view: condition, isNegated: false }
  if (condition.kind !== 'not') return undefined
  const inner = clauseOf(condition.item)
  return inner && { ...inner, isNegated: !inner.isNegated }
}

/** A clause and its negation. */
function isOpposite(one: Literal, other: Literal): boolean {
  const [left, right] = [canonical(one), canonical(other)]
  return left.text === right.text && left.isNegated !== right.isNegated
}

/** Negative operators as the negation of positive ones. */
const POSITIVE: Readonly<Record<string, string>> = {
  '!=': '==',
  '!==': '===',
  is_not_set: 'is_set',
  'sem_ver !=': 'sem_ver =',
}

function canonical({ view: { operator, values, segment }, isNegated }: Literal) {
  const positive = POSITIVE[operator]
  const text = JSON.stringify([positive ?? operator, values, segment])
  return { text, isNegated: positive === undefined ? isNegated : !isNegated }
}

/** Two sets of texts without a common one, or two ranges of numbers without a common number. */
function isApart(one: Literal, other: Literal): boolean {
  if (one.isNegated || other.isNegated) return false
  const [left, right] = [textsOf(one.view), textsOf(other.view)]
  if (left && right) return !left.some((text) => right.includes(text))
  const [first, second] = [rangeOf(one.view), rangeOf(other.view)]
  if (!first || !second) return false
  const low = first.low > second.low ? first : second
  const high = first.high < second.high ? first : second
  const isOpen = low.isLowOpen || high.isHighOpen
  return low.low > high.high || (low.low === high.high && isOpen)
}

/** The texts that a clause allows; undefined unless it allows only texts. */
function textsOf({ operator, values }: ClauseView | TimeView): readonly JsonScalar[] | undefined {
  const isListed = operator === '==' || operator === '===' || operator === 'one_of'
  // A number in text form equals the number, which equals it in another form.
  const isText = (value: JsonScalar) => typeof value === 'string' && (operator !== '==' || Number.isNaN(Number(value)))
  return isListed && values.every(isText) ? values : undefined
}

type NumberRange = {
  readonly low: number
  readonly high: number
  readonly isLowOpen: boolean
  readonly isHighOpen: boolean
}

/** The numbers that a comparison with numbers allows. */
function rangeOf({ operator, values }: ClauseView | TimeView): NumberRange | undefined {
  const [first, second] = values
  if (typeof first !== 'number') return undefined
  const closed = { low: first, high: first, isLowOpen: false, isHighOpen: false }
  switch (operator) {
    case '<':
    case '<=':
      return { ...closed, low: Number.NEGATIVE_INFINITY, isHighOpen: operator === '<' }
    case '>':
    case '>=':
      return { ...closed, high: Number.POSITIVE_INFINITY, isLowOpen: operator === '>' }
    case 'between':
    case 'between_inclusive': {
      const isOpen = operator === 'between'
      return typeof second === 'number'
        ? { low: first, high: second, isLowOpen: isOpen, isHighOpen: isOpen }
        : undefined
    }
    case '==':
    case '===':
      return closed
    default:
      return undefined
  }
}
