import type { JsonRecord } from '../definition.ts'
import {
  type Definition,
  FLAGS_MAX,
  type FlagSetDocument,
  isRecord,
  MEMBERS_LENGTH_MAX,
  type Metadata,
} from '../definition.ts'
import { type Mistake, pointerTo, shorten } from '../error.ts'
import { checkKey, checkMembers, checkMetadata, checkName } from './definition.ts'
import { checkJson } from './json.ts'

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
function readMembers(document: JsonRecord, mistakes: Mistake[]): JsonRecord {
  const members = Object.fromEntries(Object.entries(document).filter(([name]) => !MEMBERS.includes(name)))
  const { length } = JSON.stringify(members)
  if (length <= MEMBERS_LENGTH_MAX) return members
  const message = `Members other than flags, $evaluators and metadata have ${length} characters, more than ${MEMBERS_LENGTH_MAX}`
  mistakes.push({ pointer: '', message })
  return {}
}

function readFlags(document: JsonRecord, mistakes: Mistake[]): ReadonlyMap<string, Definition> {
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

function readSegments({ $evaluators: segments }: JsonRecord, mistakes: Mistake[]): JsonRecord {
  if (segments === undefined) return {}
  const found = isRecord(segments)
    ? Object.keys(segments).flatMap((name) => checkName(name, 'Segment name', `/$evaluators${pointerTo(name)}`))
    : [{ pointer: '/$evaluators', message: `Segments are ${shorten(segments)}, not an object` }]
  mistakes.push(...found)
  return isRecord(segments) && found.length === 0 ? segments : {}
}

function readMetadata({ metadata }: JsonRecord, mistakes: Mistake[]): Metadata {
  if (metadata === undefined) return {}
  const found = checkMetadata(metadata)
  mistakes.push(...found)
  return found.length === 0 ? (metadata as Metadata) : {}
}
