import { findNodeAtLocation, getLocation, type Location, type Node, parseTree } from 'jsonc-parser'

/** What can be suggested besides the fixed words of the format. */
export type CompletionWords = {
  /** What the text is: a definition, or the rule of a segment alone. */
  readonly root: 'definition' | 'rule'
  readonly variants: readonly string[]
  readonly segments: readonly string[]
  readonly attributes: readonly string[]
  /** What rules compare an attribute with. */
  readonly values: ReadonlyMap<string, readonly unknown[]>
}

/** Texts for the place of the cursor. `from` to `to` is the token that a suggestion replaces. */
export type Suggestions = {
  readonly from: number
  readonly to: number
  readonly isName: boolean
  readonly words: readonly unknown[]
}

const MEMBERS = ['state', 'variants', 'defaultVariant', 'targeting', 'metadata']
const OPERATORS =
  'if and or ! == != === !== < <= > >= in starts_with ends_with sem_ver fractional var !! cat + - * / % min max missing missing_some substr map filter reduce all some none merge $ref'.split(
    ' ',
  )
const BUILT_IN = ['targetingKey', '$flagd.flagKey', '$flagd.timestamp']
const VERSION_TESTS = ['=', '!=', '<', '<=', '>', '>=', '^', '~']

/** Suggests members, operators, segments, attributes, their values, or variants for the place `offset` in a text. */
export function suggestionsAt(text: string, offset: number, words: CompletionWords): Suggestions | undefined {
  const location = getLocation(text, offset)
  const attribute = attributeBeside(text, location.path)
  const found = words.root === 'rule' ? ruleWords(location, words, attribute) : memberWords(location, words, attribute)
  if (found.length === 0) return undefined
  const token = location.previousNode
  const isInside = token !== undefined && offset > token.offset && offset <= token.offset + token.length
  const from = isInside ? token.offset : offset
  const to = isInside ? token.offset + token.length : offset
  return { from, to, isName: location.isAtPropertyKey, words: found }
}

function memberWords(location: Location, words: CompletionWords, attribute: string | undefined): readonly unknown[] {
  const { path, isAtPropertyKey } = location
  const [member, ...inner] = path
  if (member === 'targeting' && path.length > 1) return ruleWords({ ...location, path: inner }, words, attribute)
  if (path.length !== 1) return []
  if (isAtPropertyKey) return MEMBERS
  if (member === 'state') return ['ENABLED', 'DISABLED']
  return member === 'defaultVariant' ? words.variants : []
}

function ruleWords(
  { path, isAtPropertyKey }: Location,
  { variants, segments, attributes, values }: CompletionWords,
  attribute: string | undefined,
): readonly unknown[] {
  if (isAtPropertyKey) return OPERATORS
  const operator = path.findLast((step) => typeof step === 'string')
  if (operator === '$ref') return segments
  if (operator === 'var') return [...BUILT_IN, ...attributes]
  if (operator === 'sem_ver' && path.at(-1) === 1) return VERSION_TESTS
  return attribute === undefined ? variants : (values.get(attribute) ?? [])
}

/** The attribute that a call compares, at the place of another operand of it. */
function attributeBeside(text: string, path: Location['path']): string | undefined {
  const call = path.slice(0, path.findLastIndex((step) => typeof step === 'string') + 1)
  if (call.length === 0 || call.length === path.length) return undefined
  const root = parseTree(text)
  const list = root && findNodeAtLocation(root, call)
  return list?.children?.map(attributeOf).find((name) => name !== undefined)
}

/** The attribute that `{"var": name}` reads. */
function attributeOf(node: Node): string | undefined {
  const { value } = findNodeAtLocation(node, ['var']) ?? {}
  return typeof value === 'string' ? value : undefined
}
