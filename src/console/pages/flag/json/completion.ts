import { getLocation, type Location } from 'jsonc-parser'

/** What can be suggested besides the fixed words of the format. */
export type CompletionWords = {
  readonly variants: readonly string[]
  readonly segments: readonly string[]
  readonly attributes: readonly string[]
}

/** Texts for the place of the cursor. `from` to `to` is the token that a suggestion replaces. */
export type Suggestions = {
  readonly from: number
  readonly to: number
  readonly isName: boolean
  readonly words: readonly string[]
}

const MEMBERS = ['state', 'variants', 'defaultVariant', 'targeting', 'metadata']
const OPERATORS =
  'if and or ! == != === !== < <= > >= in starts_with ends_with sem_ver fractional var !! cat + - * / % min max missing missing_some substr map filter reduce all some none merge $ref'.split(
    ' ',
  )
const BUILT_IN = ['targetingKey', '$flagd.flagKey', '$flagd.timestamp']
const VERSION_TESTS = ['=', '!=', '<', '<=', '>', '>=', '^', '~']

/** Suggests members, operators, segments, attributes or variants for the place `offset` in the text of a definition. */
export function suggestionsAt(text: string, offset: number, words: CompletionWords): Suggestions | undefined {
  const location = getLocation(text, offset)
  const found = wordsFor(location, words)
  if (found.length === 0) return undefined
  const token = location.previousNode
  const isInside = token !== undefined && offset > token.offset && offset <= token.offset + token.length
  const from = isInside ? token.offset : offset
  const to = isInside ? token.offset + token.length : offset
  return { from, to, isName: location.isAtPropertyKey, words: found }
}

function wordsFor({ path, isAtPropertyKey }: Location, words: CompletionWords): readonly string[] {
  const [member] = path
  if (isAtPropertyKey) {
    if (path.length === 1) return MEMBERS
    return member === 'targeting' ? OPERATORS : []
  }
  if (member === 'state' && path.length === 1) return ['ENABLED', 'DISABLED']
  if (member === 'defaultVariant' && path.length === 1) return words.variants
  return member === 'targeting' ? operandWords(path, words) : []
}

function operandWords(path: Location['path'], { variants, segments, attributes }: CompletionWords): readonly string[] {
  const operator = path.findLast((step) => typeof step === 'string')
  if (operator === '$ref') return segments
  if (operator === 'var') return [...BUILT_IN, ...attributes]
  if (operator === 'sem_ver' && path.at(-1) === 1) return VERSION_TESTS
  return variants
}
