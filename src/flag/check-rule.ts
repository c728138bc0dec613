import { ARITIES, OPERAND_CHECKS } from './check-operands.ts'
import type { Mistake } from './error.ts'
import { isScalar, RuleFault } from './expression.ts'
import { RULE_DEPTH_MAX } from './limits.ts'
import { pointerTo } from './pointer.ts'
import { compileRule, referenceOf, type Segments } from './rule.ts'
import { shorten } from './words.ts'

/** Finds what is wrong with a rule as written: flagd's schema, the segments it refers to, and our limits. */
export function checkRule(rule: unknown, segments: Segments, pointer: string): Mistake[] {
  const mistakes: Mistake[] = []
  visit(rule, { segments, mistakes, pointer, depth: 1 })
  const fault = faultOf(rule, segments)
  if (fault !== undefined) mistakes.push({ pointer, message: fault })
  return mistakes
}

/** A rule too deep or too large shows only when all of it, segments included, is put together. */
function faultOf(rule: unknown, segments: Segments): string | undefined {
  try {
    compileRule(rule, segments, 'v2')
    return undefined
  } catch (error) {
    if (error instanceof RuleFault) return error.message
    throw error
  }
}

type Visit = {
  readonly segments: Segments
  readonly mistakes: Mistake[]
  readonly pointer: string
  readonly depth: number
}

function visit(rule: unknown, at: Visit): void {
  // Deeper rules are refused as a whole, by the fault.
  if (isScalar(rule) || at.depth > RULE_DEPTH_MAX) return
  if (Array.isArray(rule)) {
    visitAll(rule, at)
    return
  }
  const name = referenceOf(rule)
  if (name === undefined) visitOperator(rule as Readonly<Record<string, unknown>>, at)
  else checkReference(name, at)
}

function visitAll(rules: readonly unknown[], at: Visit): void {
  for (let index = 0; index < rules.length; index += 1)
    if (!isScalar(rules[index])) visit(rules[index], { ...at, pointer: `${at.pointer}/${index}`, depth: at.depth + 1 })
}

function checkReference(name: string, { segments, mistakes, pointer }: Visit): void {
  if (segments.get(name) !== undefined) return
  const message = segments.has(name) ? `leads back to itself` : 'does not exist'
  mistakes.push({ pointer, message: `Segment ${shorten(name)} ${message}` })
}

function visitOperator(rule: Readonly<Record<string, unknown>>, at: Visit): void {
  const { mistakes, pointer } = at
  const [operator, ...others] = Object.keys(rule)
  if (operator === undefined || others.length > 0) {
    const found = operator === undefined ? 'none' : [operator, ...others].slice(0, 3).map(shorten).join(', ')
    mistakes.push({ pointer, message: `Rule must have exactly one operator, and has ${found}` })
    return
  }
  const place = `${pointer}${pointerTo(operator)}`
  const arity = ARITIES.get(operator)
  if (arity === undefined) {
    mistakes.push({ pointer: place, message: `Unknown operator ${shorten(operator)}` })
    return
  }
  const written = rule[operator]
  const operands = Array.isArray(written) ? written : [written]
  const message = arityMistake(operator, operands.length, arity)
  if (message !== undefined) mistakes.push({ pointer: place, message })
  else
    OPERAND_CHECKS.get(operator)?.(operands, (steps, reason) => {
      // The one operand of {"var": "x"} has no step of its own.
      const inner = Array.isArray(written) ? steps.map((step) => `/${step}`).join('') : ''
      mistakes.push({ pointer: place + inner, message: reason })
    })
  if (Array.isArray(written)) visitAll(written, { ...at, pointer: place })
  else visit(written, { ...at, pointer: place, depth: at.depth + 1 })
}

function arityMistake(operator: string, count: number, [least, most]: readonly [number, number]): string | undefined {
  if (count >= least && count <= most) return undefined
  const wanted =
    least === most ? `${least}` : most === Number.POSITIVE_INFINITY ? `${least} or more` : `${least} to ${most}`
  return `Operator ${shorten(operator)} takes ${wanted} operand${wanted === '1' ? '' : 's'}, and has ${count}`
}
