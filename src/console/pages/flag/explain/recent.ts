import { type Context, isRecord } from '../../../../flag/definition.ts'

const RECENT_MAX = 8
const PREFIX = 'flagstaff:contexts:'
const keyOf = (project: string): string => PREFIX + project

/** The contexts that were explained in this tab, newest first. They stay in the browser, until the sign-out. */
export function recentContexts(project: string, storage: Storage = sessionStorage): Context[] {
  try {
    const value: unknown = JSON.parse(storage.getItem(keyOf(project)) ?? '[]')
    return Array.isArray(value) ? value.filter(isRecord).slice(0, RECENT_MAX) : []
  } catch {
    return [] // written by another version
  }
}

/** Puts a context first. One with the same targeting key is replaced, so that typing leaves one entry. A full storage keeps what it has. */
export function rememberContext(project: string, context: Context, storage: Storage = sessionStorage): void {
  const others = recentContexts(project, storage).filter(
    (each) => each['targetingKey'] !== context['targetingKey'] && !isPrefix(each, context),
  )
  try {
    storage.setItem(keyOf(project), JSON.stringify([context, ...others].slice(0, RECENT_MAX)))
  } catch {
    // The storage is full: a list of recent contexts is not worth an error.
  }
}

/** Removes the contexts of all projects, which may describe persons: the next user of this tab must not see them. */
export function forgetContexts(storage: Storage = sessionStorage): void {
  const names = Array.from({ length: storage.length }, (_, index) => storage.key(index) ?? '')
  for (const name of names) if (name.startsWith(PREFIX)) storage.removeItem(name)
}

/** Whether the key of one context is the beginning of the other's: it was remembered while it was typed. */
function isPrefix(one: Context, other: Context): boolean {
  const [key, next] = [one['targetingKey'], other['targetingKey']]
  return typeof key === 'string' && typeof next === 'string' && (next.startsWith(key) || key.startsWith(next))
}
