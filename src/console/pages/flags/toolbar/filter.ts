import type { MatrixCell, MatrixFlag } from '../../../api/matrix.ts'

/** One condition of a query, such as `tag:checkout`, or `-is:stale` for its opposite. */
export type Term = { readonly name: TermName; readonly value: string; readonly isNegated: boolean }
/** A query of the flag list: words that must occur, and conditions. All must hold. */
export type FlagQuery = { readonly words: readonly string[]; readonly terms: readonly Term[] }

const TERM_NAMES = ['tag', 'owner', 'type', 'kind', 'is', 'env'] as const
export type TermName = (typeof TERM_NAMES)[number]

/** What `is:` accepts. */
export const STATES = ['on', 'off', 'partial', 'held', 'disabled', 'absent', 'stale', 'archived'] as const

const TOKEN = /(-?)(?:([a-z]+):)?("[^"]*"?|\S+)/gi

/** Reads the text of a query. Never fails: what is no condition is a word. */
export function parseFilter(text: string): FlagQuery {
  const words: string[] = []
  const terms: Term[] = []
  for (const [token, minus, word = '', quoted = ''] of text.matchAll(TOKEN)) {
    const name = TERM_NAMES.find((name) => name === word.toLowerCase())
    const value = quoted.replaceAll('"', '').toLowerCase()
    if (name === undefined) words.push(token.replaceAll('"', '').toLowerCase())
    else if (value !== '') terms.push({ name, value, isNegated: minus === '-' })
  }
  return { words, terms }
}

/** A condition as it is written in a query. */
export const termText = (name: TermName, value: string): string => `${name}:${/\s/.test(value) ? `"${value}"` : value}`

/** Whether the query contains the condition. */
export const hasTerm = (text: string, name: TermName, value: string): boolean =>
  parseFilter(text).terms.some((term) => term.name === name && term.value === value.toLowerCase() && !term.isNegated)

/** The query with the condition added, or without it if it was there. */
export function withTerm(text: string, name: TermName, value: string): string {
  const written = termText(name, value)
  if (!hasTerm(text, name, value)) return `${text.trim()} ${written}`.trim()
  const tokens = [...text.matchAll(TOKEN)].map(([token]) => token)
  return tokens.filter((token) => token.toLowerCase() !== written.toLowerCase()).join(' ')
}

/** What a query is compared with beside the flag: who "me" is, and the environments that are shown. */
export type FilterView = { readonly me: string | undefined; readonly environments: readonly string[] }

/** The flags that a query describes, in their order. Archived flags only where it says `is:archived`. */
export function filterFlags(flags: readonly MatrixFlag[], filter: FlagQuery, view: FilterView): MatrixFlag[] {
  const wantsArchived = filter.terms.some(({ name, value }) => name === 'is' && value === 'archived')
  const named = filter.terms.filter(({ name }) => name === 'env').map(({ value }) => value)
  const environments = named.length > 0 ? named : view.environments
  const { words } = filter
  const terms = filter.terms.filter(({ name }) => name !== 'env')
  return flags.filter((flag) => {
    if (!wantsArchived && flag.archivedAt !== null) return false
    if (words.length > 0 && !words.every((word) => textOf(flag).includes(word))) return false
    return terms.every((term) => holds(flag, term, { ...view, environments }) !== term.isNegated)
  })
}

const texts = new WeakMap<MatrixFlag, string>()

/** All that words are searched in, made once for each flag. */
function textOf(flag: MatrixFlag): string {
  const known = texts.get(flag)
  if (known !== undefined) return known
  const text = [flag.key, flag.description, flag.owner, ...flag.tags].join('\n').toLowerCase()
  texts.set(flag, text)
  return text
}

function holds(flag: MatrixFlag, { name, value }: Term, { me, environments }: FilterView): boolean {
  if (name === 'tag') return flag.tags.some((tag) => tag.toLowerCase() === value)
  if (name === 'owner') return flag.owner.toLowerCase() === (value === 'me' ? me?.toLowerCase() : value)
  if (name === 'type') return flag.type === value
  if (name === 'kind') return flag.permanent === (value === 'permanent')
  if (value === 'archived') return flag.archivedAt !== null
  return environments.some((environment) => isIn(flag.environments[environment], value))
}

function isIn(cell: MatrixCell | undefined, state: string): boolean {
  if (state === 'stale') return cell !== undefined && cell.stale !== null
  return (cell?.state ?? 'absent') === state
}

export const SORTS = ['key', 'created', 'evaluations'] as const
export type FlagSort = (typeof SORTS)[number]

/** The flags in an order: by key, the newest first, or the most evaluated of the last 24 hours first. */
export function sortFlags(flags: readonly MatrixFlag[], sort: FlagSort): readonly MatrixFlag[] {
  if (sort === 'key') return flags
  if (sort === 'created') return [...flags].sort((one, other) => (one.createdAt < other.createdAt ? 1 : -1))
  const counts = new Map(flags.map((flag) => [flag.key, evaluationsOf(flag)]))
  return [...flags].sort((one, other) => (counts.get(other.key) ?? 0) - (counts.get(one.key) ?? 0))
}

const evaluationsOf = ({ environments }: MatrixFlag): number =>
  Object.values(environments).reduce(
    (sum, { evaluations24h = [] }) => sum + evaluations24h.reduce((a, b) => a + b, 0),
    0,
  )
