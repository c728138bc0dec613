import type { Api } from '../../api/gen/api.ts'

type ChangesQuery = Api['GET /api/v1/changes']['query']
type ChangeSubject = NonNullable<ChangesQuery['subject']>

/** Which changes the page shows. `from` and `to` are ISO 8601 texts; `to` itself is not included. */
export type ChangeFilters = Pick<ChangesQuery, 'flag' | 'environment' | 'actor' | 'subject' | 'from' | 'to'>
/** Filters to set, and to remove where they are undefined. */
export type FilterChange = { readonly [Name in keyof ChangeFilters]: ChangeFilters[Name] | undefined }

/** What a change can be about, as the filter names it. */
export const SUBJECTS: readonly { readonly subject: ChangeSubject; readonly label: string }[] = [
  { subject: 'definition', label: 'Definitions in environments' },
  { subject: 'flag', label: 'Flags' },
  { subject: 'segment', label: 'Segments' },
  { subject: 'environment', label: 'Environments' },
  { subject: 'project', label: 'The project' },
  { subject: 'key', label: 'Keys' },
]

/** The filters that the query of a URL names; those that cannot be are left out. */
export function filtersOf(query: Readonly<Record<string, string>>): ChangeFilters {
  const subject = SUBJECTS.find((each) => each.subject === query['subject'])?.subject
  const isTime = (name: string) => !Number.isNaN(Date.parse(query[name] ?? ''))
  const texts = (['flag', 'environment', 'actor'] as const).filter((name) => query[name])
  const times = (['from', 'to'] as const).filter(isTime)
  return {
    ...Object.fromEntries([...texts, ...times].map((name) => [name, query[name]])),
    ...(subject && { subject }),
  }
}

/** The query of the URL that names these filters, with its question mark; empty without filters. */
export function searchOf(filters: FilterChange): string {
  const given = Object.entries(filters).flatMap(([name, value]) => (value ? [[name, value]] : []))
  return given.length === 0 ? '' : `?${new URLSearchParams(given)}`
}
