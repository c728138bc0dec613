import { CheckField } from '../../parts/controls/field.tsx'
import { Dialog } from '../../parts/overlays/dialog.tsx'
import { hasLetters, setLetters } from '../shortcuts.ts'
import * as css from './shortcut-list.module.css'

const SHORTCUTS: readonly (readonly [keys: readonly string[], what: string])[] = [
  [['Ctrl', 'K'], 'Go to a flag or page, or act on a flag'],
  [['?'], 'This list'],
  [['/'], 'Filter the flags'],
  [['c'], 'New flag'],
  [['j'], 'Next row'],
  [['k'], 'Row before'],
  [['←', '→'], 'Between the environments of a flag'],
  [['Space'], 'Switch the flag on or off there'],
  [['r'], 'Roll the flag out to a share of users there'],
  [['z'], 'Undo what the last message says'],
  [['Enter'], 'Open the flag'],
  [['x'], 'Select the flag'],
  [['.'], 'Actions for the flag'],
]

/** All shortcuts, and whether single letters are some. */
export function ShortcutList({ onClose }: { readonly onClose: () => void }) {
  return (
    <Dialog title="Keyboard shortcuts" onClose={onClose}>
      <dl class={css.list}>
        {SHORTCUTS.map(([keys, what]) => (
          <div key={what} class={css.entry}>
            <dt>
              {keys.map((key) => (
                <kbd key={key}>{key}</kbd>
              ))}
            </dt>
            <dd>{what}</dd>
          </div>
        ))}
      </dl>
      <CheckField
        label="Single letters are shortcuts"
        checked={hasLetters.value}
        onChange={(event) => setLetters(event.currentTarget.checked)}
      />
    </Dialog>
  )
}
