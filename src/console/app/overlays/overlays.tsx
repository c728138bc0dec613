import { signal } from '@preact/signals'
import { useEffect } from 'preact/hooks'
import { lazy } from 'preact-iso'
import { undoLast } from '../../parts/overlays/toast.tsx'
import { useLetters } from '../shortcuts.ts'

const Palette = lazy(async () => (await import('./palette.tsx')).Palette)
const ShortcutList = lazy(async () => (await import('./shortcut-list.tsx')).ShortcutList)

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
  useEffect(() => {
    const onKeyDown = (event: KeyboardEvent) => {
      if (event.key.toLowerCase() !== 'k' || !(event.ctrlKey || event.metaKey)) return
      event.preventDefault()
      overlay.value = overlay.value === 'palette' ? undefined : 'palette'
    }
    addEventListener('keydown', onKeyDown)
    return () => removeEventListener('keydown', onKeyDown)
  }, [])
  const close = () => {
    overlay.value = undefined
  }
  if (overlay.value === 'palette') return <Palette onClose={close} />
  return overlay.value === 'shortcuts' ? <ShortcutList onClose={close} /> : null
}
