import { signal } from '@preact/signals'
import { useEffect, useRef } from 'preact/hooks'
import { lazy } from 'preact-iso'
import { undoLast } from '../../parts/overlays/toast.tsx'
import { later } from '../later.ts'
import { useLetters } from '../shortcuts.ts'

const Palette = lazy(async () => (await later(() => import('./palette.tsx'))).Palette)
const ShortcutList = lazy(async () => (await later(() => import('./shortcut-list.tsx'))).ShortcutList)

/** What lies over all pages; each is loaded with its first use. */
export const overlay = signal<'palette' | 'shortcuts' | undefined>(undefined)

/** The palette (Ctrl K) and the list of shortcuts (?); once in the shell. */
export function Overlays() {
  useLetters({
    '?': () => {
      overlay.value = 'shortcuts'
    },
    z: undoLast,
  })
  const ahead = useAhead()
  const close = () => {
    overlay.value = undefined
  }
  if (overlay.value === 'palette') return <Palette ahead={ahead} onClose={close} />
  return overlay.value === 'shortcuts' ? <ShortcutList onClose={close} /> : null
}

/** Opens and closes the palette by Ctrl K, and keeps what is typed until it is loaded. */
function useAhead() {
  const ahead = useRef<string>()
  useEffect(() => {
    const onKeyDown = (event: KeyboardEvent) => {
      if (isCall(event)) ahead.current = togglePalette()
      else if (ahead.current !== undefined && event.key.length === 1) {
        ahead.current += event.key
        event.stopPropagation() // it is no shortcut of the page
      } else return
      event.preventDefault()
    }
    addEventListener('keydown', onKeyDown, { capture: true })
    return () => removeEventListener('keydown', onKeyDown, { capture: true })
  }, [])
  return ahead
}

const isCall = ({ key, ctrlKey, metaKey }: KeyboardEvent): boolean => key.toLowerCase() === 'k' && (ctrlKey || metaKey)

/** What was typed ahead, when the palette begins to open: nothing yet. Undefined when it closes. */
function togglePalette(): string | undefined {
  overlay.value = overlay.value === 'palette' ? undefined : 'palette'
  return overlay.value && ''
}
