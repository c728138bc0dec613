import { useEffect, useMemo, useRef } from 'preact/hooks'
import { Icon } from '../../../parts/display/icon.tsx'
import type { TextDraft } from '../use-text-draft.ts'
import type { CompletionWords } from './completion.ts'
import type { JsonEditor } from './editor.ts'
import * as css from './json.module.css'
import type { TextMistake } from './mistakes.ts'

type JsonTabProps = {
  readonly label: string
  readonly control: TextDraft
  /** What is wrong with a text. */
  readonly check: (text: string) => readonly TextMistake[]
  /** The names that are offered while one types. */
  readonly words: CompletionWords
  readonly isReadOnly: boolean
}

/** A definition or a segment as JSON, on the same draft as the builder. The editor is loaded here for the first time. */
export function JsonTab({ label, control, check, words, isReadOnly }: JsonTabProps) {
  const host = useRef<HTMLDivElement>(null)
  const editor = useRef<JsonEditor>()
  const own = useRef<string[]>([])
  const latest = useRef({ control, check, words })
  latest.current = { control, check, words }
  const { text } = control.draft
  const mistakes = useMemo(() => check(text), [text, check])
  useEffect(() => {
    let isGone = false
    const create = async () => {
      const { createJsonEditor } = await import('./editor.ts')
      if (isGone || !host.current) return
      editor.current = createJsonEditor(host.current, {
        label,
        text: latest.current.control.draft.text,
        isReadOnly,
        check: (now) => latest.current.check(now),
        words: () => latest.current.words,
        onChange: (next) => {
          own.current.push(next)
          latest.current.control.setText(next)
        },
        onUndo: () => latest.current.control.undo(),
        onRedo: () => latest.current.control.redo(),
      })
    }
    void create()
    return () => {
      isGone = true
      editor.current?.destroy()
    }
  }, [])
  useEffect(() => {
    // While one types, the text that is drawn is behind the editor's: only a change from elsewhere goes to the editor.
    if (own.current.includes(text)) own.current = text === own.current.at(-1) ? [] : own.current
    else editor.current?.setText(text)
  }, [text])
  useEffect(() => editor.current?.setReadOnly(isReadOnly), [isReadOnly])
  return (
    <section class={css.json} aria-label="JSON">
      <div ref={host} class={css.editor} />
      <ul class={css.mistakes} aria-label="Mistakes" aria-live="polite">
        {mistakes.slice(0, 10).map(({ pointer, message, from, to }) => (
          <li key={`${pointer} ${message} ${from}`}>
            <button type="button" class={css.mistake} onClick={() => editor.current?.reveal(from, to)}>
              <Icon name="warning" size={14} /> {pointer && <code>{pointer}</code>} {message}
            </button>
          </li>
        ))}
      </ul>
    </section>
  )
}
