import { useEffect, useRef, useState } from 'preact/hooks'
import * as drafts from '../../draft/draft.ts'
import { type DraftSubject, loadDraft, removeDraft, saveDraft } from '../../draft/storage.ts'
import { showToast } from '../../parts/overlays/toast.tsx'
import type { EditOf } from './builder/editor.ts'

/** The draft of a text of JSON with what can be done to it. Builder and JSON editor change the same text. */
export type TextDraft = {
  readonly draft: drafts.Draft
  readonly isDirty: boolean
  /** Whether the stored text changed since the draft was begun. */
  readonly isOutdated: boolean
  readonly apply: (edit: EditOf, label: string) => void
  readonly setText: (text: string) => void
  readonly undo: () => void
  readonly redo: () => void
  /** Begins again from a stored text: after a save, or to discard. */
  readonly begin: (stored: drafts.DraftBase) => void
}

/** Keeps a draft of a stored text. It survives a reload of the tab; without changes it follows what is stored. */
export function useTextDraft(subject: DraftSubject, stored: drafts.DraftBase): TextDraft {
  const [draft, setDraft] = useState(() => loadDraft(sessionStorage, subject) ?? start(stored))
  const isDirty = drafts.isDirty(draft)
  useEffect(() => {
    if (isDirty) saveDraft(sessionStorage, subject, draft)
    else removeDraft(sessionStorage, subject)
  }, [draft, isDirty])
  useEffect(() => {
    if (!isDirty && stored.etag !== draft.base.etag) setDraft(start(stored))
  }, [stored.etag, isDirty])
  useLeaveGuard(isDirty, subject.name)
  return {
    draft,
    isDirty,
    isOutdated: isDirty && stored.etag !== draft.base.etag,
    apply: (edit, label) => setDraft((now) => drafts.edit(now, edit(now.text), label)),
    setText: (text) => setDraft((now) => drafts.setText(now, text, 'json')),
    undo: () => setDraft(drafts.undo),
    redo: () => setDraft(drafts.redo),
    begin: (next) => setDraft(start(next)),
  }
}

const start = ({ text, etag }: drafts.DraftBase): drafts.Draft => drafts.startDraft(text, etag)

/** Warns before the tab is closed. Within the console nothing is lost: the draft is kept, and this is said. */
function useLeaveGuard(isDirty: boolean, name: string): void {
  const wasDirty = useRef(false)
  wasDirty.current = isDirty
  useEffect(() => {
    if (!isDirty) return
    const warn = (event: BeforeUnloadEvent) => event.preventDefault()
    addEventListener('beforeunload', warn)
    return () => removeEventListener('beforeunload', warn)
  }, [isDirty])
  useEffect(
    () => () => {
      if (wasDirty.current) showToast(`The changes of ${name} are kept in this tab and not saved yet`)
    },
    [],
  )
}
