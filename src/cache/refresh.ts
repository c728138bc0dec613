import type { Stamp } from '../repository/redis/snapshot-store.ts'
import { INTERNAL } from '../telemetry/span.ts'
import { parseTraceparent } from '../telemetry/trace-context.ts'
import { type Tracer, untraced } from '../telemetry/tracer.ts'

/** What may say which change led to it, as `traceparent`. */
export type Changed = Stamp & { readonly changedIn?: string }
type Refresh = {
  /** Of what: an environment, or the keys. */
  readonly name: string
  /** What is held now. */
  readonly held: () => Changed | undefined
  readonly ask: () => Promise<void>
}

/**
 * Asks for something newer in a span of its own. Where that brings another revision, it links to the change that made it: by that a
 * change can be followed to each replica that took it over.
 */
export function refreshed(tracer: Tracer = untraced, { name, held, ask }: Refresh): Promise<void> {
  if (!tracer.isOn) return ask()
  const attributes = { 'flagstaff.refresh.name': name }
  return tracer.trace({ name: 'flagstaff.refresh', kind: INTERNAL, attributes }, async (span) => {
    const before = held()
    await ask()
    const after = held()
    if (!span || !after) return
    span.setAttribute('flagstaff.refresh.revision', String(after.revision))
    span.setAttribute('flagstaff.refresh.swapped', after !== before)
    const change = after === before ? undefined : parseTraceparent(after.changedIn)
    if (change)
      span.addLink({ context: { traceId: change.traceId, spanId: change.spanId, traceFlags: 1, isRemote: true } })
  })
}
