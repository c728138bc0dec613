import { LOOPS, operatorCallOf } from './expression.ts'

type Literal = string | number | boolean
/** An attribute of contexts that rules read. */
export type Attribute = {
  readonly name: string
  /** Literals that rules compare it with, in the order in which they were found. */
  readonly values: readonly Literal[]
  /** How often rules read it. */
  readonly uses: number
  readonly isBuiltIn: boolean
}

/** Attributes that every rule can read. */
const BUILT_IN = ['targetingKey', '$flagd.flagKey', '$flagd.timestamp']
/** Operators that compare an attribute with literals. */
const COMPARISONS = new Set('== != === !== < <= > >= in starts_with ends_with sem_ver'.split(' '))
const ATTRIBUTES_MAX = 500
const VALUES_MAX = 20
const VALUE_LENGTH_MAX = 200

/** Collects the attributes of many rules: at most 500, those of most uses first, each with at most 20 values. */
export class AttributeCollector {
  readonly #found = new Map<string, { uses: number; readonly values: Set<Literal> }>()

  constructor() {
    for (const name of BUILT_IN) this.#found.set(name, { uses: 0, values: new Set() })
  }

  /** Not recursive: see `DOCUMENT_DEPTH_MAX`. */
  add(rule: unknown): void {
    const pending: unknown[] = [rule]
    while (pending.length > 0) {
      const value = pending.pop()
      if (typeof value !== 'object' || value === null) continue
      const call = operatorCallOf(value)
      const parts = call === undefined ? Object.values(value) : this.#read(call.operator, call.operands)
      for (const part of parts) pending.push(part) // no spread: a list may have more items than the call stack
    }
  }

  get attributes(): Attribute[] {
    const all = Array.from(this.#found, ([name, { uses, values }]) => ({
      name,
      values: [...values],
      uses,
      isBuiltIn: BUILT_IN.includes(name),
    }))
    return all.sort((one, other) => other.uses - one.uses).slice(0, ATTRIBUTES_MAX)
  }

  /** Notes what one call reads; returns the operands that may read more. */
  #read(operator: string, operands: readonly unknown[]): readonly unknown[] {
    if (operator === 'var') {
      this.#note(operands[0], [])
      return operands.slice(1)
    }
    if (operator === 'missing') for (const path of pathsIn(operands)) this.#note(path, [])
    if (operator === 'missing_some') for (const path of pathsIn(operands.slice(1))) this.#note(path, [])
    // The second operand reads an item of the list; the third one is the start of `reduce`.
    if (LOOPS.has(operator)) return operands.filter((_, index) => index !== 1)
    if (!COMPARISONS.has(operator)) return operands
    const literals = (operator === 'sem_ver' ? operands.slice(2) : operands.flat()).filter(isLiteral)
    return operands.filter((operand) => {
      const path = pathOf(operand)
      if (path !== undefined) this.#note(path, literals)
      return path === undefined
    })
  }

  #note(path: unknown, literals: readonly Literal[]): void {
    if (typeof path !== 'string' || path === '' || path.length > VALUE_LENGTH_MAX) return
    const known = this.#found.get(path) ?? { uses: 0, values: new Set<Literal>() }
    this.#found.set(path, known)
    known.uses += 1
    for (const literal of literals) if (known.values.size < VALUES_MAX) known.values.add(literal)
  }
}

/** The texts in operands, in lists, and in lists that are merged. */
function pathsIn(operands: readonly unknown[]): unknown[] {
  const paths: unknown[] = []
  const pending = [operands]
  for (const items of pending) {
    for (const item of items) {
      const call = operatorCallOf(item)
      if (Array.isArray(item)) pending.push(item)
      else if (call?.operator === 'merge') pending.push(call.operands)
      else paths.push(item)
    }
  }
  return paths
}

/** The path of `{"var": path}`; undefined for anything else, and with a default, which is an operand of its own. */
function pathOf(operand: unknown): string | undefined {
  const call = operatorCallOf(operand)
  const [path, ...others] = call?.operator === 'var' ? call.operands : []
  return typeof path === 'string' && others.length === 0 ? path : undefined
}

const isLiteral = (value: unknown): value is Literal =>
  typeof value === 'number' ||
  typeof value === 'boolean' ||
  (typeof value === 'string' && value.length <= VALUE_LENGTH_MAX)
