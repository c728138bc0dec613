const LENGTH_MAX = 60

/** `value` as JSON text for a message, cut to 60 characters. */
export function shorten(value: unknown): string {
  return cut(describe(value))
}

/** A text cut to 60 characters. */
export function cut(text: string): string {
  return text.length > LENGTH_MAX ? `${text.slice(0, LENGTH_MAX - 1)}…` : text
}

function describe(value: unknown): string {
  if (typeof value === 'string') return JSON.stringify(value.slice(0, LENGTH_MAX))
  if (value === undefined) return 'missing'
  if (Array.isArray(value)) return 'a list'
  if (typeof value === 'object' && value !== null) return 'an object'
  return String(value)
}
