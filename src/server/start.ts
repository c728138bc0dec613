/**
 * Runs one step of the start-up. On failure it prints the message on one line, runs `undo` and exits with 1. The stack is left out: an
 * operator needs only the sentence.
 */
export function orExit<T>(step: () => Promise<T>, undo?: () => Promise<void>): Promise<T>
export function orExit<T>(step: () => T, undo?: () => Promise<void>): T
export function orExit<T>(step: () => T | Promise<T>, undo?: () => Promise<void>): T | Promise<T> {
  const exit = (error: unknown): never => {
    process.stderr.write(`${error instanceof Error ? error.message : String(error)}\n`)
    process.exit(1)
  }
  const undoAndExit = async (error: unknown): Promise<never> => {
    await undo?.()
    return exit(error)
  }
  try {
    const result = step()
    return result instanceof Promise ? result.catch(undoAndExit) : result
  } catch (error) {
    return exit(error)
  }
}
