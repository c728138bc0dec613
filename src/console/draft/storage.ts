import { isRecord } from '../../flag/definition.ts'
import type { Draft } from './draft.ts'

/** What drafts need of `sessionStorage`. */
type DraftStorage = Pick<Storage, 'getItem' | 'setItem' | 'removeItem'>

/** What a draft belongs to: a flag or a segment of one environment. */
export type DraftSubject = {
  readonly kind: 'flag' | 'segment'
  readonly project: string
  readonly environment: string
  readonly name: string
}

const PREFIX = 'flagstaff.draft:'

const keyOf = ({ kind, project, environment, name }: DraftSubject): string =>
  PREFIX + JSON.stringify([kind, project, environment, name])

/** Keeps a draft without its steps of undo. False if the storage is full or not allowed: the draft then lasts as long as the page. */
export function saveDraft(storage: DraftStorage, subject: DraftSubject, { base, text }: Draft): boolean {
  try {
    storage.setItem(keyOf(subject), JSON.stringify({ base: { text: base.text, etag: base.etag }, text }))
    return true
  } catch {
    return false
  }
}

/** The draft that was kept; undefined if there is none that can be read. */
export function loadDraft(storage: DraftStorage, subject: DraftSubject): Draft | undefined {
  const text = storage.getItem(keyOf(subject))
  return text === null ? undefined : parseDraft(text)
}

/** Forgets a draft that was saved or discarded. */
export function removeDraft(storage: DraftStorage, subject: DraftSubject): void {
  storage.removeItem(keyOf(subject))
}

function parseDraft(text: string): Draft | undefined {
  const value = parseJson(text)
  if (!isRecord(value) || !isRecord(value['base'])) return undefined
  const { text: baseText, etag } = value['base']
  const draftText = value['text']
  if (typeof baseText !== 'string' || typeof draftText !== 'string') return undefined
  if (etag !== undefined && typeof etag !== 'string') return undefined
  return { base: { text: baseText, etag }, text: draftText, undone: [], done: [] }
}

/** Other versions of the console may have written something else. */
function parseJson(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}
