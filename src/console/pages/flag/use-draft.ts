import { useMemo, useRef } from 'preact/hooks'
import type { Definition } from '../../../flag/definition.ts'
import { readDefinition as read } from '../../rules/read.ts'
import type { DefinitionView } from '../../rules/view.ts'
import type { FlagPlace, ReadDefinition } from './queries.ts'
import { type TextDraft, useTextDraft } from './use-text-draft.ts'

/** The draft of a definition. */
export type DraftControl = TextDraft & {
  /** Undefined while the text is not JSON. */
  readonly view: DefinitionView | undefined
  /** The last text that was JSON, parsed. */
  readonly definition: Definition
  /** Begins again from a stored definition: after a save, or to discard. */
  readonly restart: (stored: ReadDefinition) => void
}

/** Keeps a draft of a stored definition. It survives a reload of the tab; without changes it follows what is stored. */
export function useDraft({ project, environment, key }: FlagPlace, stored: ReadDefinition): DraftControl {
  const draft = useTextDraft({ kind: 'flag', project, environment, name: key }, baseOf(stored))
  const { text } = draft.draft
  const { view } = useMemo(() => read(text), [text])
  return {
    ...draft,
    view,
    definition: useParsed(text, stored.definition),
    restart: (next) => draft.begin(baseOf(next)),
  }
}

const baseOf = ({ definition, etag }: ReadDefinition) => ({ text: JSON.stringify(definition), etag })

/** The text as JSON; while it is none, what it was before. */
export function useParsed<Value>(text: string, first: Value): Value {
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
