const FIRST_MS = 500
const LAST_MS = 30_000

/**
 * How long to wait after `failures` in a row: 0.5 s, doubled up to 30 s, of which the second half is random. Never less than the server asked
 * for, which counts up to a minute.
 */
export function backoffMs(failures: number, random: () => number, retryAfterMs = 0): number {
  const full = Math.min(LAST_MS, FIRST_MS * 2 ** Math.max(0, failures - 1))
  return Math.max(Math.min(retryAfterMs, 2 * LAST_MS), full / 2 + (random() * full) / 2)
}
