import { createHash } from 'node:crypto'
import { providerFormOf } from '../flag/document.ts'
import { type Selector, selects } from './selector.ts'
import type { Snapshot } from './snapshots.ts'

/** A flag set in flagd's format, for in-process providers and flagd. */
export type ProviderDocument = {
  readonly text: string
  /** Length of the text in UTF-8. */
  readonly bytes: number
  /** SHA-256 of the text, in hexadecimal. */
  readonly hash: string
}

/** Most cached documents of one snapshot, one for each selector; at the limit all are dropped. */
const DOCUMENTS_MAX = 8
/** In UTF-16 units: segments are repeated in each flag that refers to them, so a document can be far larger than the stored set. */
const LENGTH_MAX = 32 * 1024 * 1024

const documents = new WeakMap<Snapshot, Map<string, ProviderDocument | undefined>>()

/**
 * The selected flags of a snapshot, with the set's metadata, which providers return for unknown flags as well. Cached for each snapshot and
 * selector. Undefined if it is longer than `LENGTH_MAX`.
 */
export function providerDocument(snapshot: Snapshot, selector: Selector | undefined): ProviderDocument | undefined {
  const cached = documents.get(snapshot) ?? new Map<string, ProviderDocument | undefined>()
  documents.set(snapshot, cached)
  const name = selector ? `${selector.key}=${selector.value}` : ''
  if (cached.has(name)) return cached.get(name)
  const document = describe(write(snapshot, selector))
  if (cached.size >= DOCUMENTS_MAX) cached.clear()
  cached.set(name, document)
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
