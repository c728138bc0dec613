import type { Log } from '../telemetry/log.ts'

/** `late` aborts while there is still time for the steps after this one: what can be cut short should be, then. */
export type Step = { readonly name: string; readonly run: (late: AbortSignal) => Promise<void> | void }

/** The part of the deadline that is left to end in order when waiting has taken the rest. */
const LATE_SHARE = 0.25

/**
 * Resolves with the name of the first stop signal; a second one exits at once. Call it before anything else: as PID 1 a
 * process without a handler ignores SIGTERM, and a signal that comes too early is lost.
 */
export function stopSignal(): Promise<NodeJS.Signals> {
  const { promise, resolve } = Promise.withResolvers<NodeJS.Signals>()
  let isStopping = false
  for (const name of ['SIGTERM', 'SIGINT'] as const)
    process.on(name, () => {
      if (isStopping) process.exit(1)
      isStopping = true
      resolve(name)
    })
  return promise
}

/**
 * Runs the steps top to bottom: the order on the page is the order at run time. A failing step is logged and the next
 * one still runs. Resolves with the exit code: 0, or 1 when a step failed or `deadlineMs` passed.
 */
export async function shutDown(steps: readonly Step[], deadlineMs: number, log: Log): Promise<0 | 1> {
  const late = Promise.withResolvers<1>()
  let running = 'nothing'
  const timer = setTimeout(() => {
    log.error('Gave up waiting at the deadline', { step: running, deadlineMs })
    late.resolve(1)
  }, deadlineMs)
  const hurry = new AbortController()
  const warning = setTimeout(
    () => {
      log.warn('Cutting the shutdown short', { step: running, deadlineMs })
      hurry.abort()
    },
    deadlineMs * (1 - LATE_SHARE),
  )
  const work = async () => {
    let code: 0 | 1 = 0
    for (const { name, run } of steps) {
      running = name
      try {
        await run(hurry.signal)
      } catch (cause) {
        code = 1
        log.error('A step of the shutdown failed', { step: name, cause })
      }
    }
    return code
  }
  try {
    return await Promise.race([work(), late.promise])
  } finally {
    clearTimeout(timer)
    clearTimeout(warning)
  }
}

/** Waits, but not past `late`. */
export async function pause(ms: number, late: AbortSignal): Promise<void> {
  const { setTimeout: sleep } = process.getBuiltinModule('node:timers/promises') // loaded here: a start has no use for it
  await sleep(ms, undefined, { signal: late }).catch((error) => {
    if (!late.aborted) throw error
  })
}
