import { type Context, isRecord } from '../../../../flag/definition.ts'

const RECENT_MAX = 8
const keyOf = (project: string): string => `flagstaff:contexts:${project}`

/** The contexts that were explained in this tab, newest first. They stay in the browser. */
export function recentContexts(project: string, storage: Storage = sessionStorage): Context[] {
  try {
    const value: unknown = JSON.parse(storage.getItem(keyOf(project)) ?? '[]')
    return Array.isArray(value) ? value.filter(isRecord).slice(0, RECENT_MAX) : []
  } catch {
    return [] // written by another version
  }
}

/** Puts a context first. One with the same targeting key is replaced, so that typing leaves one entry. */
export function rememberContext(project: string, context: Context, storage: Storage = sessionStorage): void {
  const others = recentContexts(project, storage).filter(
    (each) => each['targetingKey'] !== context['targetingKey'] && !isPrefix(each, context),
  )
  storage.setItem(keyOf(project), JSON.stringify([context, ...others].slice(0, RECENT_MAX)))
}

/** Whether the key of one context is the beginning of the other's: it was remembered while it was typed. */
function isPrefix(one: Context, other: Context): boolean {
  const [key, next] = [one['targetingKey'], other['targetingKey']]
  return typeof key === 'string' && typeof next === 'string' && (next.startsWith(key) || key.startsWith(next))
}
