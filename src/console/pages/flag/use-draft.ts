import { useEffect, useMemo, useRef, useState } from 'preact/hooks'
import type { Definition } from '../../../flag/definition.ts'
import * as drafts from '../../draft/draft.ts'
import { type DraftSubject, loadDraft, removeDraft, saveDraft } from '../../draft/storage.ts'
import { announce } from '../../parts/overlays/toast.tsx'
import { readDefinition as read } from '../../rules/read.ts'
import type { DefinitionView } from '../../rules/view.ts'
import type { EditOf } from './builder/editor.ts'
import type { FlagPlace, ReadDefinition } from './queries.ts'

/** The draft of a definition with what can be done to it. Builder and JSON editor change the same text. */
export type DraftControl = {
  readonly draft: drafts.Draft
  readonly isDirty: boolean
  /** Undefined while the text is not JSON. */
  readonly view: DefinitionView | undefined
  /** The last text that was JSON, parsed. */
  readonly definition: Definition
  /** Whether the stored definition changed since the draft was begun. */
  readonly isOutdated: boolean
  readonly apply: (edit: EditOf, label: string) => void
  readonly setText: (text: string) => void
  readonly undo: () => void
  readonly redo: () => void
  /** Begins again from a stored definition: after a save, or to discard. */
  readonly restart: (stored: ReadDefinition) => void
}

/** Keeps a draft of a stored definition. It survives a reload of the tab; without changes it follows what is stored. */
export function useDraft(place: FlagPlace, stored: ReadDefinition): DraftControl {
  const subject: DraftSubject = {
    kind: 'flag',
    project: place.project,
    environment: place.environment,
    name: place.key,
  }
  const [draft, setDraft] = useState(() => loadDraft(sessionStorage, subject) ?? begin(stored))
  const isDirty = drafts.isDirty(draft)
  useEffect(() => {
    if (isDirty) saveDraft(sessionStorage, subject, draft)
    else removeDraft(sessionStorage, subject)
  }, [draft, isDirty])
  useEffect(() => {
    if (!isDirty && stored.etag !== draft.base.etag) setDraft(begin(stored))
  }, [stored.etag, isDirty])
  useLeaveGuard(isDirty, place.key)
  const { view } = useMemo(() => read(draft.text), [draft.text])
  return {
    draft,
    isDirty,
    view,
    definition: useParsed(draft.text, stored.definition),
    isOutdated: isDirty && stored.etag !== draft.base.etag,
    apply: (edit, label) => setDraft((now) => drafts.edit(now, edit(now.text), label)),
    setText: (text) => setDraft((now) => drafts.setText(now, text, 'json')),
    undo: () => setDraft(drafts.undo),
    redo: () => setDraft(drafts.redo),
    restart: (next) => setDraft(begin(next)),
  }
}

const begin = ({ definition, etag }: ReadDefinition): drafts.Draft =>
  drafts.startDraft(JSON.stringify(definition), etag)

/** The text as JSON; while it is none, what it was before. */
function useParsed(text: string, first: Definition): Definition {
  const last = useRef(first)
  return useMemo(() => {
    try {
      last.current = JSON.parse(text)
    } catch {
      // The text is being typed.
    }
    return last.current
  }, [text])
}

/** Warns before the tab is closed. Within the console nothing is lost: the draft is kept, and this is said. */
function useLeaveGuard(isDirty: boolean, flag: string): void {
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
      if (wasDirty.current) announce(`The changes of ${flag} are kept and not saved yet`)
    },
    [],
  )
}
