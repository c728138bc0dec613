import { createHash } from 'node:crypto'
import { providerFormOf } from '../flag/document.ts'
import { type Selector, selects } from './selector.ts'
import type { Snapshot } from './snapshots.ts'

/** A flag set as in-process providers, and flagd itself, take it over: text in flagd's format. */
export type ProviderDocument = {
  readonly text: string
  /** Of the text, in UTF-8. */
  readonly bytes: number
  /** SHA-256 of the text, in hexadecimal. */
  readonly hash: string
}

/** How many documents of one snapshot are kept for different selectors. */
const KEPT_MAX = 8
/** In UTF-16 units: segments that many flags refer to can make a document far larger than what is stored. */
const LENGTH_MAX = 32 * 1024 * 1024

const documents = new WeakMap<Snapshot, Map<string, ProviderDocument | undefined>>()

/**
 * The flags of a snapshot that the selector lets through, with the set's metadata beside them, so that a provider also knows it of a
 * flag that does not exist. Made once for all who ask. Undefined when it is larger than anybody should take.
 */
export function providerDocument(snapshot: Snapshot, selector: Selector | undefined): ProviderDocument | undefined {
  const kept = documents.get(snapshot) ?? new Map<string, ProviderDocument | undefined>()
  documents.set(snapshot, kept)
  const name = selector ? `${selector.key}=${selector.value}` : ''
  if (kept.has(name)) return kept.get(name)
  const document = describe(write(snapshot, selector))
  if (kept.size >= KEPT_MAX) kept.clear()
  kept.set(name, document)
  return document
}

function write({ flagSet, flagSetId }: Snapshot, selector: Selector | undefined): string | undefined {
  const flags: string[] = []
  let length = 0
  for (const [key, flag] of flagSet.flags) {
    if (!selects(selector, flagSetId, flag.metadata)) continue
    const form = providerFormOf(flag, flagSet.segments)
    if (form === undefined) continue
    const member = `${JSON.stringify(key)}:${form}`
    length += member.length
    if (length > LENGTH_MAX) return undefined
    flags.push(member)
  }
  const isBare = Object.keys(flagSet.metadata).length === 0
  return `{"flags":{${flags.join(',')}}${isBare ? '' : `,"metadata":${JSON.stringify(flagSet.metadata)}`}}`
}

function describe(text: string | undefined): ProviderDocument | undefined {
  if (text === undefined) return undefined
  const bytes = Buffer.byteLength(text)
  return { text, bytes, hash: createHash('sha256').update(text).digest('hex') }
}
