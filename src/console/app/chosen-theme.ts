import { read } from './preferences.ts'

const THEMES = ['system', 'light', 'dark'] as const
export type Theme = (typeof THEMES)[number]

/** The theme that was chosen in this browser; `system` follows the browser. */
export const chosenTheme = (): Theme => THEMES.find((name) => name === read('theme')) ?? 'system'

/** Shows the page in a theme. */
export function applyTheme(theme: Theme): void {
  const { dataset } = document.documentElement
  if (theme === 'system') delete dataset['theme']
  else dataset['theme'] = theme
}
