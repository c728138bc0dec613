import { type Context, isRecord } from '../../../../flag/definition.ts'
import { attributeOf } from '../../../../flag/explain/nodes.ts'
import { operatorCallOf } from '../../../../flag/rules/expression.ts'
import { reachedFrom } from '../../../../flag/rules/segments.ts'

/** Contexts in one pasted list at most. */
export const CONTEXTS_MAX = 1_000

/** Reads JSON that must be an object; the error names the place where it is not JSON. */
export function parseContext(text: string): { readonly context: Context } | { readonly error: string } {
  try {
    const value: unknown = JSON.parse(text)
    return isRecord(value) ? { context: value } : { error: 'The context must be a JSON object' }
  } catch (error) {
    return { error: error instanceof Error ? error.message : 'The context is not JSON' }
  }
}

/** Reads a list of contexts: a JSON array, JSON lines, or targeting keys, one a line. */
export function parseContexts(text: string): { readonly contexts: readonly Context[] } | { readonly error: string } {
  const trimmed = text.trim()
  const items = trimmed.startsWith('[') ? parsedList(trimmed) : trimmed.split('\n').flatMap(parsedLine)
  if (!items) return { error: 'The list is not a JSON array' }
  if (items.length === 0) return { error: 'The list is empty' }
  if (items.length > CONTEXTS_MAX) return { error: `The list has ${items.length} contexts, more than ${CONTEXTS_MAX}` }
  const wrong = items.findIndex((item) => !isRecord(item))
  return wrong < 0 ? { contexts: items as Context[] } : { error: `Context ${wrong + 1} is not a JSON object` }
}

function parsedList(text: string): unknown[] | undefined {
  try {
    const value: unknown = JSON.parse(text)
    return Array.isArray(value) ? value : undefined
  } catch {
    return undefined
  }
}

/** A line that is no JSON object is a targeting key. */
function parsedLine(line: string): unknown[] {
  const text = line.trim()
  if (text === '') return []
  if (!text.startsWith('{')) return [{ targetingKey: text }]
  try {
    return [JSON.parse(text)]
  } catch {
    return [undefined]
  }
}

/** The attributes that a rule and its segments can read, `targetingKey` first, without `$flagd.*`. */
export function attributesIn(rule: unknown, segments: Readonly<Record<string, unknown>>): string[] {
  const found = new Set(['targetingKey'])
  const pending: unknown[] = [rule, ...Object.values(reachedFrom(rule, segments))]
  for (let value = pending.pop(); value !== undefined; value = pending.pop()) {
    if (typeof value !== 'object' || value === null) continue
    const attribute = attributeOf(value)
    if (attribute !== undefined && !attribute.startsWith('$flagd')) found.add(attribute)
    else pending.push(...Object.values(value).filter((inner) => inner !== undefined))
  }
  const [first = 'targetingKey', ...others] = found
  return [first, ...others.sort()]
}

/** Whether a rule or one of its segments reads the time. */
export function readsClock(rule: unknown, segments: Readonly<Record<string, unknown>>): boolean {
  return JSON.stringify([rule, reachedFrom(rule, segments)])?.includes('"$flagd.timestamp"') ?? false
}

/** The value at a dotted path. */
export function valueAt(context: Context, path: string): unknown {
  let value: unknown = context
  for (const step of path.split('.')) value = isRecord(value) && Object.hasOwn(value, step) ? value[step] : undefined
  return value
}

/** A copy of `context` with another value at a dotted path; undefined removes it. */
export function withValue(context: Context, path: string, value: unknown): Context {
  const [step = '', ...rest] = path.split('.')
  const inner = context[step]
  const next = rest.length === 0 ? value : withValue(isRecord(inner) ? inner : {}, rest.join('.'), value)
  const entries = Object.entries(context)
  if (next === undefined) return Object.fromEntries(entries.filter(([name]) => name !== step))
  if (Object.hasOwn(context, step))
    return Object.fromEntries(entries.map(([name, old]) => [name, name === step ? next : old]))
  return Object.fromEntries([...entries, [step, next]])
}

/** What a text typed into a form stands for: a number or boolean where the rules compare with one, otherwise the text. */
export function valueOfInput(text: string, type: AttributeType): unknown {
  if (text === '') return undefined
  if (type === 'number' && Number.isFinite(Number(text))) return Number(text)
  if (type === 'boolean' && (text === 'true' || text === 'false')) return text === 'true'
  return text
}

type AttributeType = 'text' | 'number' | 'boolean'

const NUMERIC = new Set(['<', '<=', '>', '>='])

/** The type of the constants that a rule compares an attribute with; text where there is none. */
export function typeOfAttribute(rule: unknown, attribute: string): AttributeType {
  const pending: unknown[] = [rule]
  for (let value = pending.pop(); value !== undefined; value = pending.pop()) {
    if (typeof value !== 'object' || value === null) continue
    const type = typeInCall(value, attribute)
    if (type) return type
    pending.push(...Object.values(value).filter((inner) => inner !== undefined))
  }
  return 'text'
}

function typeInCall(node: unknown, attribute: string): AttributeType | undefined {
  const call = operatorCallOf(node)
  if (!call?.operands.some((operand) => attributeOf(operand) === attribute)) return undefined
  const constants = call.operands.flat()
  if (NUMERIC.has(call.operator) || constants.some((each) => typeof each === 'number')) return 'number'
  return constants.some((each) => typeof each === 'boolean') ? 'boolean' : undefined
}
