/** Longer than any scheduling delay of a process, shorter than any suspension that matters. */
const JUMP_MS = 1_000

/**
 * A clock in milliseconds that includes the time a machine was suspended, for example by Fly. The monotonic clock stops during a
 * suspension, so cached data would look fresh afterwards. `onJump` is called for each jump between wall clock and monotonic clock, because
 * connections may be dead after it.
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
    if (wall === before) return time // same millisecond: no jump is possible
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
