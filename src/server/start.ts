/**
 * Takes a step of the start-up. When it fails, says why in one line, runs `undo` and exits with 1: what goes wrong here is for a person to
 * mend, who needs the sentence and not the stack.
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
