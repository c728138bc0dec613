import { effect, signal } from '@preact/signals'
import { read, write } from './preferences.ts'

const THEMES = ['system', 'light', 'dark'] as const
export type Theme = (typeof THEMES)[number]

/** The theme that was chosen; `system` follows the browser. */
export const theme = signal<Theme>(THEMES.find((name) => name === read('theme')) ?? 'system')

/** Applies the theme to the page and remembers it, from now on. */
export function followTheme(): void {
  effect(() => {
    const { dataset } = document.documentElement
    if (theme.value === 'system') delete dataset['theme']
    else dataset['theme'] = theme.value
    write('theme', theme.value)
  })
}
