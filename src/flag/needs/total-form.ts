import { definitionError } from '../compile.ts'
import { type Definition, isRecord } from '../definition.ts'
import type { Mistake } from '../error.ts'
import { isScalar, type OperatorCall, operatorCallOf, referenceOf } from '../rules/expression.ts'
import { type CopiedFlag, type CopyRule, inside, operandPlace, RuleCopy, type RulePlace } from './rule-copy.ts'

/** Operators whose value is always true or false. */
const BOOLEAN = new Set(['==', '!=', '===', '!==', '<', '<=', '>', '>=', 'in', '!', '!!', 'all', 'some', 'none'])
/** The result of a flag that has no variant: disabled, archived or absent, or a rule that names none. */
const NO_VARIANT = ''

/**
 * The total form of a flag's rule: a rule for the same context and second whose every result is text, the variant that the flag has, or one
 * that names none of its variants. It refers to nothing, so that any other flag can contain it. Mistakes, with pointers into the definition
 * or `/$evaluators`, are parts that cannot be written so. `definition`: undefined for an absent flag.
 */
export function totalForm(
  definition: Definition | undefined,
  flag: CopiedFlag,
): { readonly rule: object; readonly mistakes: readonly Mistake[] } {
  if (definition === undefined || definitionError(definition) !== undefined || definition.state === 'DISABLED')
    return { rule: always(NO_VARIANT), mistakes: [] }
  const form = new TotalForm(definition, flag)
  const rule = form.result(hasRule(definition) ? definition.targeting : null, {
    pointer: '/targeting',
    depth: 1,
    inLoop: false,
  })
  return { rule: isRecord(rule) ? rule : always(rule), mistakes: form.mistakes }
}

const always = (result: unknown) => ({ if: [true, result] })

const hasRule = ({ targeting }: Definition): boolean => !isRecord(targeting) || Object.keys(targeting).length > 0

class TotalForm {
  readonly #copy: RuleCopy
  readonly #variants: Definition['variants']
  readonly #default: string

  constructor({ variants, defaultVariant }: Definition, flag: CopiedFlag) {
    this.#copy = new RuleCopy(flag)
    this.#variants = variants
    this.#default = defaultVariant || NO_VARIANT
  }

  get mistakes(): readonly Mistake[] {
    return this.#copy.mistakes
  }

  /** The copy of a rule whose value names the variant. */
  readonly result: CopyRule = (rule, place) => {
    if (!this.#copy.grow(place)) return null
    if (isScalar(rule)) return this.#nameOf(rule)
    const name = referenceOf(rule)
    if (name !== undefined) return this.#copy.expand(name, place, this.result)
    const call = operatorCallOf(rule)
    if (call === undefined) return this.#copy.refuse(place, 'This gives no variant: write it with "if"')
    const { operator } = call
    if (operator === 'if' || operator === '?:') return this.#branches(call, place)
    if (operator === 'fractional') return { or: [this.#copy.copySplit(call, place, this.result), this.#default] }
    if (BOOLEAN.has(operator)) return { if: [this.#copy.copy(rule, place), this.#nameOf(true), this.#nameOf(false)] }
    return this.#copy.refuse(inside(place, operator), `"${operator}" computes the variant: write it with "if"`)
  }

  #branches(call: OperatorCall, place: RulePlace): unknown {
    const { operands } = call
    const hasElse = operands.length % 2 === 1
    const parts = operands.map((operand, at) => {
      const isResult = at % 2 === 1 || (hasElse && at === operands.length - 1)
      return (isResult ? this.result : this.#copy.copy)(operand, operandPlace(place, call, at))
    })
    return { if: hasElse ? parts : [...parts, this.#default] }
  }

  /** As in an evaluation, booleans and numbers name variants, and a name may have spaces around it and quotes in it. */
  #nameOf(value: unknown): string {
    if (value === null || value === undefined) return this.#default
    const text = String(value)
    if (Object.hasOwn(this.#variants, text)) return text
    const plain = text.trim().replaceAll('"', '')
    if (Object.hasOwn(this.#variants, plain)) return plain
    // Not the empty text, in whose place `or` would give the default variant.
    return text === '' ? this.#freeName() : text
  }

  #freeName(): string {
    let name = '-'
    while (Object.hasOwn(this.#variants, name)) name += '-'
    return name
  }
}
