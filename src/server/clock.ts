/** More than any process is kept waiting; less than any freeze that matters. */
const JUMP_MS = 1_000

/**
 * A clock in milliseconds that also counts the time a machine was frozen, as Fly's suspend does: its monotonic clock stands still
 * meanwhile, and what is held would seem fresh. `onJump` hears of each jump between wall and monotonic clock: connections
 * may be dead then.
 */
export function wakefulClock(
  clocks: { monotonic: () => number; wall: () => number },
  onJump: (ms: number) => void,
): () => number {
  let offset = clocks.wall() - clocks.monotonic()
  let frozen = 0
  let wall = Number.NaN
  let time = 0
  return () => {
    const before = wall
    wall = clocks.wall()
    if (wall === before) return time // the same millisecond: nothing can have jumped
    const monotonic = clocks.monotonic()
    const jump = wall - monotonic - offset
    if (Math.abs(jump) >= JUMP_MS) {
      offset += jump
      frozen += Math.max(jump, 0)
      onJump(jump)
    }
    time = monotonic + frozen
    return time
  }
}
