import type { ApiError } from './client.ts'

/** What a form shows of a refused write: mistakes by the field that they are in, and what belongs to no field. */
type FormMistakes = {
  readonly fields: Readonly<Record<string, string>>
  readonly rest: string | undefined
}

/**
 * Assigns the mistakes of a refused write to the fields of its form, which are named as the members of the body. A mistake deeper in a
 * member names its place. Where the body has no mistake, the message itself is the rest.
 */
export function mistakesOf(error: ApiError | undefined, names: readonly string[]): FormMistakes {
  const fields: Record<string, string> = {}
  const rest: string[] = []
  for (const { pointer, detail } of error?.mistakes ?? []) {
    const [name = '', ...place] = pointer.split('/').slice(1)
    if (names.includes(name)) fields[name] ??= sentence(placed(place.map((step) => `/${step}`).join(''), detail))
    else rest.push(placed(pointer, detail))
  }
  if (error && error.mistakes.length === 0) rest.push(error.message)
  return { fields, rest: rest.length === 0 ? undefined : rest.map(sentence).join('. ') }
}

const placed = (place: string, detail: string): string => (place === '' ? detail : `${place}: ${detail}`)
const sentence = (text: string): string => text.charAt(0).toUpperCase() + text.slice(1)
