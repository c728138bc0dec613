import { checkDefault, checkTargeting, checkVariants } from './check-definition.ts'
import { checkJson, type JsonPlace } from './check-json.ts'
import { checkRule } from './check-rule.ts'
import { checkKey, checkMembers, checkMetadata, checkName } from './check-shape.ts'
import type { Definition, FlagSetDocument, Metadata } from './definition.ts'
import type { Mistake } from './error.ts'
import { FLAGS_MAX, MEMBERS_LENGTH_MAX } from './limits.ts'
import { pointerTo } from './pointer.ts'
import type { Segments } from './rule.ts'
import { compileSegments, reachedFrom } from './segment.ts'
import { isRecord } from './value.ts'
import { shorten } from './words.ts'

type Rules = Readonly<Record<string, unknown>>
/** The members that mean something here; all others, `$schema` too, are kept as they are. */
const MEMBERS: readonly string[] = ['flags', '$evaluators', 'metadata']

/**
 * Reads a flagd document (https://flagd.dev/schema/v0/flagd.json). `mistakes` are those that keep it from being stored
 * at all, and `source` then holds what is right; the rules in it are for `checkDefinition` and `checkSegments`.
 * `text` is what the document was parsed from. `flags` may be a list of flags with a `key`, unless `$schema` names flags.json, which knows only the map.
 */
export function readDocument(
  document: unknown,
  text?: string,
): { readonly source: FlagSetDocument; readonly mistakes: Mistake[] } {
  const mistakes = checkJson(document, { text })
  const empty: FlagSetDocument = { flags: new Map(), segments: {}, metadata: {}, members: {} }
  if (mistakes.length > 0) return { source: empty, mistakes }
  if (!isRecord(document))
    return { source: empty, mistakes: [{ pointer: '', message: `Document is ${shorten(document)}, not an object` }] }
  const members = readMembers(document, mistakes)
  const flags = readFlags(document, mistakes)
  const segments = readSegments(document, mistakes)
  return { source: { flags, segments, metadata: readMetadata(document, mistakes), members }, mistakes }
}

/** flagd's schema allows any further member at the top. */
function readMembers(document: Rules, mistakes: Mistake[]): Rules {
  const members = Object.fromEntries(Object.entries(document).filter(([name]) => !MEMBERS.includes(name)))
  const { length } = JSON.stringify(members)
  if (length <= MEMBERS_LENGTH_MAX) return members
  const message = `Members other than flags, $evaluators and metadata have ${length} characters, more than ${MEMBERS_LENGTH_MAX}`
  mistakes.push({ pointer: '', message })
  return {}
}

/**
 * Finds what is wrong with a definition that is to be saved: what flagd's schema forbids, and what would answer
 * PARSE_ERROR or never match. A definition with mistakes may be stored all the same, when its shape is right: it harms
 * no other flag.
 */
export function checkDefinition(definition: unknown, segments: Rules, pointer = ''): Mistake[] {
  const targeting = isRecord(definition) ? definition['targeting'] : undefined
  const { compiled } = compileSegments(reachedFrom(targeting, segments), 'v2')
  return checkDefinitionIn(definition, compiled, pointer)
}

/** The same for one of many definitions, with segments that are compiled. */
export function checkDefinitionIn(definition: unknown, segments: Segments, pointer: string): Mistake[] {
  const mistakes = checkMembers(definition, pointer)
  if (mistakes.length > 0) return mistakes
  const { variants, defaultVariant, targeting } = definition as Definition
  return [
    ...checkVariants(variants, `${pointer}/variants`),
    ...checkDefault(variants, defaultVariant, `${pointer}/defaultVariant`),
    ...checkTargeting(targeting, segments, `${pointer}/targeting`),
  ]
}

/** Finds what is wrong with the shared rules of a flag set (flagd's `$evaluators`). */
export function checkSegments(segments: unknown, pointer = '/$evaluators'): Mistake[] {
  if (!isRecord(segments)) return [{ pointer, message: `Segments are ${shorten(segments)}, not an object` }]
  const { compiled } = compileSegments(segments, 'v2')
  return Object.entries(segments).flatMap(([name, rule]) => {
    const place = pointer + pointerTo(name)
    return [...checkName(name, 'Segment name', place), ...checkRule(rule, compiled, place)]
  })
}

/** In the document of its flag set a definition stands two levels deep, and that document must be readable again. */
export const DEFINITION_DEPTH = 2

/** Finds what keeps a value from being a definition at all. `definition` is undefined when something does. */
export function checkShape(
  definition: unknown,
  { pointer = '', text }: Omit<JsonPlace, 'depth'> = {},
): { readonly definition: Definition | undefined; readonly mistakes: Mistake[] } {
  const mistakes = checkJson(definition, { pointer, depth: DEFINITION_DEPTH, text })
  if (mistakes.length === 0) mistakes.push(...checkMembers(definition, pointer))
  return { definition: mistakes.length === 0 ? (definition as Definition) : undefined, mistakes }
}

function readFlags(document: Rules, mistakes: Mistake[]): ReadonlyMap<string, Definition> {
  const { flags, $schema } = document
  const entries = isRecord(flags) ? Object.entries(flags).map(toEntry) : listEntries(flags, $schema)
  if (entries === undefined) {
    mistakes.push({ pointer: '/flags', message: `Flags are ${shorten(flags)}, not an object` })
    return new Map()
  }
  if (entries.length > FLAGS_MAX) {
    mistakes.push({ pointer: '/flags', message: `Document has ${entries.length} flags, more than ${FLAGS_MAX}` })
    return new Map()
  }
  const read = new Map<string, Definition>()
  for (const entry of entries) readFlag(entry, read, mistakes)
  return read
}

type Entry = { readonly key: unknown; readonly definition: unknown; readonly pointer: string }

function toEntry([key, definition]: [string, unknown]): Entry {
  return { key, definition, pointer: `/flags${pointerTo(key)}` }
}

function listEntries(flags: unknown, schema: unknown): Entry[] | undefined {
  if (!Array.isArray(flags) || (typeof schema === 'string' && /(^|\/)flags\.json$/.test(schema))) return undefined
  return flags.map((flag: unknown, index) => {
    const { key, ...definition } = isRecord(flag) ? flag : {}
    return { key, definition: isRecord(flag) ? definition : flag, pointer: `/flags/${index}` }
  })
}

function readFlag({ key, definition, pointer }: Entry, read: Map<string, Definition>, mistakes: Mistake[]): void {
  const found = [...checkKey(key, pointer), ...checkMembers(definition, pointer)]
  if (typeof key === 'string' && read.has(key)) found.push({ pointer, message: `Flag ${shorten(key)} is there twice` })
  if (found.length > 0) mistakes.push(...found)
  else if (typeof key === 'string') read.set(key, definition as Definition)
}

function readSegments({ $evaluators: segments }: Rules, mistakes: Mistake[]): Rules {
  if (segments === undefined) return {}
  const found = isRecord(segments)
    ? Object.keys(segments).flatMap((name) => checkName(name, 'Segment name', `/$evaluators${pointerTo(name)}`))
    : [{ pointer: '/$evaluators', message: `Segments are ${shorten(segments)}, not an object` }]
  mistakes.push(...found)
  return isRecord(segments) && found.length === 0 ? segments : {}
}

function readMetadata({ metadata }: Rules, mistakes: Mistake[]): Metadata {
  if (metadata === undefined) return {}
  const found = checkMetadata(metadata)
  mistakes.push(...found)
  return found.length === 0 ? (metadata as Metadata) : {}
}
