import { format } from '../rules/print.ts'
import { applyEdits, editBetween, invertEdits, type TextEdit } from '../rules/text.ts'

/** A definition or segment as it is stored. */
export type DraftBase = {
  readonly text: string
  /** The ETag of the response that it came with, for `If-Match`. Undefined: it does not exist yet. */
  readonly etag: string | undefined
}

/** A change that is not saved yet. Immutable: each function returns a new draft. */
export type Draft = {
  readonly base: DraftBase
  readonly text: string
  readonly undone: readonly UndoStep[]
  readonly done: readonly UndoStep[]
}

/** One step of undo. */
type UndoStep = {
  readonly edits: readonly TextEdit[]
  /** Edits in a row with the same name are one step, for example of a slider that is moved. */
  readonly group: string | undefined
}

const STEPS_MAX = 200

/** Starts a draft of a stored definition, whose JSON text is laid out anew. */
export function startDraft(stored: string, etag: string | undefined): Draft {
  const text = format(stored)
  return { base: { text, etag }, text, undone: [], done: [] }
}

/** Applies edits as one step of undo, or as a part of the last one if that has the same `group`. */
export function edit(draft: Draft, edits: readonly TextEdit[], group?: string): Draft {
  const text = applyEdits(draft.text, edits)
  if (text === draft.text) return draft
  const last = draft.done.at(-1)
  const isSameStep = group !== undefined && last?.group === group && draft.undone.length === 0
  const before = isSameStep && last ? applyEdits(draft.text, last.edits) : draft.text
  const step = { edits: isSameStep ? editBetween(text, before) : invertEdits(draft.text, edits), group }
  const done = isSameStep ? draft.done.slice(0, -1) : draft.done
  return { ...draft, text, done: [...done, step].slice(-STEPS_MAX), undone: [] }
}

/** Replaces the whole text as one step of undo. */
export function setText(draft: Draft, text: string, group?: string): Draft {
  return edit(draft, editBetween(draft.text, text), group)
}

/** Takes the last step back; the same draft if there is none. */
export function undo(draft: Draft): Draft {
  const step = draft.done.at(-1)
  if (!step) return draft
  const { text, inverse } = revert(draft.text, step)
  return { ...draft, text, done: draft.done.slice(0, -1), undone: [...draft.undone, inverse] }
}

/** Repeats the last step that was undone; the same draft if there is none. */
export function redo(draft: Draft): Draft {
  const step = draft.undone.at(-1)
  if (!step) return draft
  const { text, inverse } = revert(draft.text, step)
  return { ...draft, text, undone: draft.undone.slice(0, -1), done: [...draft.done, inverse] }
}

function revert(text: string, { edits, group }: UndoStep): { text: string; inverse: UndoStep } {
  return { text: applyEdits(text, edits), inverse: { edits: invertEdits(text, edits), group } }
}

/** Whether a draft has a change to save. White space alone is none; a text that is not JSON is one. */
export function isDirty({ base, text }: Draft): boolean {
  return text !== base.text && format(text) !== format(base.text)
}
