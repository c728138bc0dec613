import { effect, signal } from '@preact/signals'
import { applyTheme, chosenTheme, type Theme } from './chosen-theme.ts'
import { write } from './preferences.ts'

export const theme = signal<Theme>(chosenTheme())

/** Applies the theme to the page and remembers it, from now on. */
export function followTheme(): void {
  effect(() => {
    applyTheme(theme.value)
    if (theme.value !== chosenTheme()) write('theme', theme.value)
  })
}
