import {
  autocompletion,
  type CompletionContext,
  type CompletionResult,
  completionKeymap,
} from '@codemirror/autocomplete'
import { defaultKeymap } from '@codemirror/commands'
import { json } from '@codemirror/lang-json'
import {
  bracketMatching,
  foldGutter,
  foldKeymap,
  HighlightStyle,
  indentOnInput,
  syntaxHighlighting,
} from '@codemirror/language'
import { type Diagnostic, linter, lintGutter, lintKeymap } from '@codemirror/lint'
import { Annotation, Compartment, EditorState } from '@codemirror/state'
import { drawSelection, EditorView, highlightActiveLine, keymap, lineNumbers } from '@codemirror/view'
import { tags } from '@lezer/highlight'
import { type CompletionWords, suggestionsAt } from './completion.ts'

type JsonEditorOptions = {
  readonly label: string
  readonly text: string
  readonly isReadOnly: boolean
  /** Mistakes of a text, checked 100 ms after each change. */
  readonly check: (text: string) => readonly { readonly from: number; readonly to: number; readonly message: string }[]
  readonly words: () => CompletionWords
  readonly onChange: (text: string) => void
  /** Undo and redo belong to the draft, which the builder changes as well. */
  readonly onUndo: () => void
  readonly onRedo: () => void
}

export type JsonEditor = {
  /** Shows another text and keeps cursor and scroll position where they still make sense. */
  setText(text: string): void
  setReadOnly(isReadOnly: boolean): void
  /** Selects a range and scrolls it into view. */
  reveal(from: number, to: number): void
  focus(): void
  destroy(): void
}

const fromOutside = Annotation.define<boolean>()

/** Creates an editor in the shadow root of `host`: there CodeMirror adopts its styles, which a strict policy allows. */
export function createJsonEditor(host: HTMLElement, options: JsonEditorOptions): JsonEditor {
  const root = host.shadowRoot ?? host.attachShadow({ mode: 'open' })
  const readOnly = new Compartment()
  const state = EditorState.create({
    doc: options.text,
    extensions: [extensionsFor(options), readOnly.of(lock(options.isReadOnly))],
  })
  const view = new EditorView({ state, parent: root, root })
  return {
    setText: (text) => replaceText(view, text),
    setReadOnly: (isReadOnly) => view.dispatch({ effects: readOnly.reconfigure(lock(isReadOnly)) }),
    reveal: (from, to) => {
      const { length } = view.state.doc
      view.dispatch({ selection: { anchor: Math.min(from, length), head: Math.min(to, length) }, scrollIntoView: true })
      view.focus()
    },
    focus: () => view.focus(),
    destroy: () => view.destroy(),
  }
}

const lock = (isReadOnly: boolean) => [EditorState.readOnly.of(isReadOnly), EditorView.editable.of(!isReadOnly)]

/** Replaces only what differs, so that cursor and folds outside of it stay. */
function replaceText(view: EditorView, text: string): void {
  const before = view.state.doc.toString()
  if (before === text) return
  let from = 0
  while (from < before.length && from < text.length && before[from] === text[from]) from += 1
  let end = 0
  const most = Math.min(before.length, text.length) - from
  while (end < most && before[before.length - 1 - end] === text[text.length - 1 - end]) end += 1
  const changes = { from, to: before.length - end, insert: text.slice(from, text.length - end) }
  view.dispatch({ changes, annotations: fromOutside.of(true) })
}

function extensionsFor(options: JsonEditorOptions) {
  const run = (action: () => void) => () => {
    action()
    return true
  }
  const history = [
    { key: 'Mod-z', run: run(options.onUndo), preventDefault: true },
    { key: 'Mod-y', run: run(options.onRedo), preventDefault: true },
    { key: 'Mod-Shift-z', run: run(options.onRedo), preventDefault: true },
  ]
  return [
    lineNumbers(),
    foldGutter(),
    lintGutter(),
    drawSelection(),
    indentOnInput(),
    bracketMatching(),
    highlightActiveLine(),
    EditorView.lineWrapping,
    json(),
    syntaxHighlighting(COLORS),
    THEME,
    linter(
      ({ state }) => options.check(state.doc.toString()).map((mistake) => diagnosticOf(mistake, state.doc.length)),
      { delay: 100 },
    ),
    autocompletion({ override: [(context) => complete(context, options.words())], activateOnTyping: true }),
    keymap.of([...history, ...completionKeymap, ...lintKeymap, ...foldKeymap, ...defaultKeymap]),
    EditorView.contentAttributes.of({ 'aria-label': options.label }),
    EditorView.updateListener.of(({ docChanged, state, transactions }) => {
      if (docChanged && !transactions.some((each) => each.annotation(fromOutside)))
        options.onChange(state.doc.toString())
    }),
  ]
}

const diagnosticOf = (mistake: { from: number; to: number; message: string }, length: number): Diagnostic => ({
  from: Math.min(mistake.from, length),
  to: Math.min(mistake.to, length),
  severity: 'error',
  message: mistake.message,
})

function complete(context: CompletionContext, words: CompletionWords): CompletionResult | null {
  const text = context.state.doc.toString()
  if (!context.explicit && !/["\w$]/.test(text[context.pos - 1] ?? '')) return null
  const found = suggestionsAt(text, context.pos, words)
  if (!found) return null
  const suffix = found.isName && !/^\s*:/.test(text.slice(found.to)) ? ': ' : ''
  return {
    from: found.from,
    to: found.to,
    filter: true,
    options: found.words.map((word) => ({
      label: JSON.stringify(word),
      apply: JSON.stringify(word) + suffix,
      type: found.isName ? 'property' : 'constant',
    })),
  }
}

const COLORS = HighlightStyle.define([
  { tag: tags.propertyName, color: 'var(--variant-1)' },
  { tag: tags.string, color: 'var(--good)' },
  { tag: [tags.number, tags.bool, tags.null], color: 'var(--variant-2)' },
])

const THEME = EditorView.theme({
  '&': { color: 'var(--text)', backgroundColor: 'var(--surface)', fontSize: '0.8125rem' },
  '&.cm-focused': { outline: '2px solid var(--accent)', outlineOffset: '-1px' },
  '.cm-scroller': { fontFamily: 'var(--mono)', lineHeight: '1.55' },
  '.cm-content': { caretColor: 'var(--text)', padding: '0.5rem 0' },
  '.cm-cursor': { borderLeftColor: 'var(--text)' },
  '.cm-gutters': { backgroundColor: 'var(--surface)', color: 'var(--text-soft)', border: 'none' },
  '.cm-activeLine': { backgroundColor: 'var(--hover)' },
  '&.cm-focused > .cm-scroller > .cm-selectionLayer .cm-selectionBackground, .cm-selectionBackground': {
    backgroundColor: 'light-dark(#cfd8ff, #33427f)',
  },
  '&.cm-focused .cm-matchingBracket': { backgroundColor: 'light-dark(#cfd8ff, #33427f)' },
  '.cm-tooltip': { backgroundColor: 'var(--raised)', color: 'var(--text)', border: '1px solid var(--line)' },
  '.cm-tooltip-autocomplete > ul > li[aria-selected]': { backgroundColor: 'var(--accent)', color: 'var(--on-accent)' },
  '.cm-foldPlaceholder': {
    backgroundColor: 'transparent',
    color: 'var(--text-soft)',
    border: '1px solid var(--line)',
  },
})
