/** A request waits so long for news after a pause, and then takes what is there. */
export const WAIT_MS = 500

/** Waits for work, but no longer than `ms`, and not for its outcome. */
export async function atMost(work: Promise<void>, ms: number): Promise<void> {
  const late = Promise.withResolvers<void>()
  const timer = setTimeout(late.resolve, ms)
  try {
    await Promise.race([work.catch(() => undefined), late.promise])
  } finally {
    clearTimeout(timer)
  }
}
