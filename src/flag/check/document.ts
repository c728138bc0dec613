import {
  type Definition,
  FLAGS_MAX,
  type FlagSetDocument,
  isRecord,
  type JsonRecord,
  MEMBERS_LENGTH_MAX,
  type Metadata,
  type SegmentRules,
} from '../definition.ts'
import { type Mistake, pointerTo, shorten } from '../error.ts'
import { checkKey, checkMembers, checkMetadata, checkSegmentNames } from './definition.ts'
import { checkJson } from './json.ts'

/** The members of a document that have an effect. All others, such as `$schema`, are kept as they are. */
const EFFECTIVE_MEMBERS: readonly string[] = ['flags', '$evaluators', 'metadata']

/**
 * Reads a flagd document (https://flagd.dev/schema/v0/flagd.json), which was parsed from `text`. `mistakes` are those that
 * prevent storing it; `source` then has the valid parts. `checkDefinition` and `checkSegments` check the rules. `flags` may be
 * a list of flags with a `key`, unless `$schema` names flags.json, which allows only the map.
 */
export function readDocument(
  document: unknown,
  text?: string,
): { readonly source: FlagSetDocument; readonly mistakes: Mistake[] } {
  const mistakes = checkJson(document, { text })
  if (mistakes.length === 0 && !isRecord(document))
    mistakes.push({ pointer: '', message: `Document is ${shorten(document)}, not an object` })
  if (mistakes.length > 0 || !isRecord(document))
    return { source: { flags: new Map(), segments: {}, metadata: {}, members: {} }, mistakes }
  const members = readMembers(document, mistakes)
  const flags = readFlags(document, mistakes)
  const segments = readSegments(document, mistakes)
  return { source: { flags, segments, metadata: readMetadata(document, mistakes), members }, mistakes }
}

/** flagd's schema allows any member at the top level. */
function readMembers(document: JsonRecord, mistakes: Mistake[]): JsonRecord {
  const members = Object.fromEntries(Object.entries(document).filter(([name]) => !EFFECTIVE_MEMBERS.includes(name)))
  const { length } = JSON.stringify(members)
  if (length <= MEMBERS_LENGTH_MAX) return members
  const message = `Members other than flags, $evaluators and metadata have ${length} characters, more than ${MEMBERS_LENGTH_MAX}`
  mistakes.push({ pointer: '', message })
  return {}
}

function readFlags({ flags, $schema }: JsonRecord, mistakes: Mistake[]): ReadonlyMap<string, Definition> {
  const entries = isRecord(flags) ? Object.entries(flags).map(toEntry) : listEntries(flags, $schema)
  const read = new Map<string, Definition>()
  if (entries === undefined) mistakes.push({ pointer: '/flags', message: `Flags are ${shorten(flags)}, not an object` })
  else if (entries.length > FLAGS_MAX)
    mistakes.push({ pointer: '/flags', message: `Document has ${entries.length} flags, more than ${FLAGS_MAX}` })
  else for (const entry of entries) readFlag(entry, read, mistakes)
  return read
}

type FlagEntry = { readonly key: unknown; readonly definition: unknown; readonly pointer: string }

function toEntry([key, definition]: [string, unknown]): FlagEntry {
  return { key, definition, pointer: pointerTo('flags', key) }
}

function listEntries(flags: unknown, schema: unknown): FlagEntry[] | undefined {
  if (!Array.isArray(flags) || (typeof schema === 'string' && /(^|\/)flags\.json$/.test(schema))) return undefined
  return flags.map((flag: unknown, index) => {
    const { key, ...definition } = isRecord(flag) ? flag : {}
    return { key, definition: isRecord(flag) ? definition : flag, pointer: `/flags/${index}` }
  })
}

function readFlag({ key, definition, pointer }: FlagEntry, read: Map<string, Definition>, mistakes: Mistake[]): void {
  const found = [...checkKey(key, pointer), ...checkMembers(definition, pointer)]
  if (typeof key === 'string' && read.has(key)) found.push({ pointer, message: `Flag ${shorten(key)} is there twice` })
  if (found.length > 0) mistakes.push(...found)
  else if (typeof key === 'string') read.set(key, definition as Definition)
}

function readSegments({ $evaluators: segments = {} }: JsonRecord, mistakes: Mistake[]): SegmentRules {
  const found = checkSegmentNames(segments)
  mistakes.push(...found)
  return isRecord(segments) && found.length === 0 ? segments : {}
}

function readMetadata({ metadata = {} }: JsonRecord, mistakes: Mistake[]): Metadata {
  const found = checkMetadata(metadata)
  mistakes.push(...found)
  return found.length === 0 ? (metadata as Metadata) : {}
}
