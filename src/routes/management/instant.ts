/** The first and the last millisecond that Postgres takes in the form that dates are sent to it. */
export const EARLIEST_MS = Date.parse('0001-01-01T00:00:00Z')
const LATEST_MS = Date.parse('9999-12-31T23:59:59.999Z')

const TIMESTAMP = /^(\d{4}-\d\d-\d\d)[T ](\d\d:\d\d:\d\d)(\.\d+)?(?:Z|([+-]\d\d)(?::?(\d\d))?)$/

/**
 * The time that an ISO 8601 timestamp names; undefined for one that does not exist (30 February, 24:00) and one outside the years 1 to
 * 9999. Runtimes differ in what they make of those: the next day, or a date that throws when it is sent to the database.
 */
export function instantOf(text: string): Date | undefined {
  const [, day, time, fraction = '', hours = '+00', minutes = '00'] = TIMESTAMP.exec(text) ?? []
  const local = Date.parse(`${day}T${time}Z`)
  if (Number.isNaN(local) || !new Date(local).toISOString().startsWith(`${day}T${time}`)) return undefined
  const instant = new Date(`${day}T${time}${fraction.slice(0, 4)}${hours}:${minutes}`)
  return instant.getTime() >= EARLIEST_MS && instant.getTime() <= LATEST_MS ? instant : undefined
}
