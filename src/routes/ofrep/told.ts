import type { Snapshot } from '../../cache/snapshot.ts'
import { fingerprintOf } from './etag.ts'

const TOLD = 'flagConfigEtag'

/** True when an event told the client of another state than this one: what it holds is no answer to it. */
export function isForced(url: string, snapshot: Snapshot): boolean {
  const told = toldOf(url)
  return told !== undefined && told !== fingerprintOf(snapshot)
}

/** The fingerprint of the configuration that an event told the client of; undefined when none did. */
function toldOf(url: string): string | undefined {
  return url.includes('?') && url.includes(TOLD) ? (new URL(url).searchParams.get(TOLD) ?? undefined) : undefined
}
