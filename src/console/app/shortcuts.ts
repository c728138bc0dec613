import { signal } from '@preact/signals'
import { useEffect, useRef } from 'preact/hooks'
import { read, write } from './preferences.ts'

/** Whether single letters are shortcuts (WCAG 2.1.4 requires that they can be switched off). */
export const hasLetters = signal(read('letters') !== 'off')

/** Switches the shortcuts of single letters on or off. */
export function setLetters(isOn: boolean): void {
  hasLetters.value = isOn
  write('letters', isOn ? 'on' : 'off')
}

/** Whether a key goes to something that takes text, or to an open dialog, popover or menu. */
const isTaken = (target: EventTarget | null): boolean =>
  target instanceof Element &&
  target.closest('input:not([type=checkbox]), textarea, select, dialog, [popover], .cm-editor') !== null

/** Runs an action for a single key, as long as the caller is rendered and nothing else takes the key. */
export function useLetters(actions: Readonly<Record<string, () => void>>): void {
  const latest = useRef(actions)
  latest.current = actions
  useEffect(() => {
    const onKeyDown = (event: KeyboardEvent) => {
      const action = latest.current[event.key]
      if (!action || !hasLetters.value || event.ctrlKey || event.metaKey || event.altKey || isTaken(event.target))
        return
      event.preventDefault()
      action()
    }
    document.addEventListener('keydown', onKeyDown)
    return () => document.removeEventListener('keydown', onKeyDown)
  }, [])
}
