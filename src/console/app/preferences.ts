const PREFIX = 'flagstaff:'

/** A preference of this browser; undefined where none is kept, or where the browser keeps nothing. */
export function read(name: string): string | undefined {
  try {
    return localStorage.getItem(PREFIX + name) ?? undefined
  } catch {
    return undefined
  }
}

/** Keeps a preference. A browser that keeps nothing forgets it with the page. */
export function write(name: string, value: string): void {
  try {
    localStorage.setItem(PREFIX + name, value)
  } catch {
    // Storage is off or full: a preference is not worth an error.
  }
}
