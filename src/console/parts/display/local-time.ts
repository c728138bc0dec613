/** The value of an `<input type="datetime-local">` at `time`, in milliseconds since 1970, in the time zone of the browser. */
export const localTime = (time: number): string =>
  new Date(time - new Date(time).getTimezoneOffset() * 60_000).toISOString().slice(0, 16)

/** Milliseconds since 1970 of the value of an `<input type="datetime-local">`; undefined for an empty one. */
export function timeOf(local: string): number | undefined {
  const time = new Date(local).getTime()
  return Number.isNaN(time) ? undefined : time
}
