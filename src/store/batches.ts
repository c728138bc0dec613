/** Rows per statement: few round trips, and each statement stays far below its time limit. */
const BATCH = 2_000

/** Cuts rows into batches, to be sent as one JSON parameter each: Postgres takes at most 65,535 parameters, and parses JSON faster than we build them. */
export function* batches<T>(rows: readonly T[]): Generator<readonly T[]> {
  for (let at = 0; at < rows.length; at += BATCH) yield rows.slice(at, at + BATCH)
}
