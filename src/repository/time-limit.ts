const PARTS = 4

/**
 * Calls `onLate` after `ms`, unless the function that it returns is called before. A time in which this process stood still, because it
 * loaded something or had no processor, counts as a quarter at most: the answer may be there, and was only not read yet.
 */
export function timeLimit(ms: number, onLate: () => void): () => void {
  let left = PARTS
  const wait = () => setTimeout(next, ms / PARTS)
  const next = () => {
    left -= 1
    if (left > 0) timer = wait()
    else onLate()
  }
  let timer = wait()
  return () => clearTimeout(timer)
}
