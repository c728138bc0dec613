/**
 * Resolves with the name of the first stop signal; a second signal exits at once. This module has a side effect when it is imported, and
 * it must be imported first: a process with id 1 loses signals that have no handler.
 */
const { promise, resolve } = Promise.withResolvers<NodeJS.Signals>()
let isStopping = false
for (const name of ['SIGTERM', 'SIGINT'] as const)
  process.on(name, () => {
    if (isStopping) process.exit(1)
    isStopping = true
    resolve(name)
  })

export const stopped: Promise<NodeJS.Signals> = promise
