/**
 * The name of the first stop signal; a second one exits at once. This module acts when it is imported, and is imported first: as process 1
 * a signal without a handler is lost.
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
