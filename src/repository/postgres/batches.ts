/** Rows per statement: few round trips, and each statement stays far below its time limit. */
const BATCH = 2_000

/** Cuts rows into batches, to be sent as one JSON parameter each: Postgres takes at most 65,535 parameters, and parses JSON faster than we build them. */
export function* batches<T>(rows: readonly T[]): Generator<readonly T[]> {
  for (let at = 0; at < rows.length; at += BATCH) yield rows.slice(at, at + BATCH)
}

/**
 * A document as text within a JSON parameter, to be cast to json by the statement. Taken apart as JSON by Postgres it would
 * lose what text cannot hold: NUL and half surrogate pairs, which JSON may spell as escapes.
 */
export const asText = (document: unknown): string | null =>
  document === undefined || document === null ? null : JSON.stringify(document)
