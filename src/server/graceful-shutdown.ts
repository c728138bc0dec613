import type { Log } from '../telemetry/log.ts'

/** `late` aborts while there is still time for the next steps: what can be cut short should be, then. */
export type Step = { readonly name: string; readonly run: (late: AbortSignal) => Promise<void> | void }

/** The part of the deadline that is left for the other steps when waiting has taken the rest. */
const LATE_SHARE = 0.25

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
  await process
    .getBuiltinModule('node:timers/promises') // loaded at the end: a start does not need it
    .setTimeout(ms, undefined, { signal: late })
    .catch((error) => {
      if (!late.aborted) throw error
    })
}
