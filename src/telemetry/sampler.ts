import { shareOf, traceIdAt } from './ids.ts'
import type { TraceContext } from './trace-context.ts'

/** Which traces are kept, as `OTEL_TRACES_SAMPLER` says it. */
export type Sampling = {
  /** From 0, none, to 1, all: of the traces that begin here, and of all others too unless their caller decides. */
  readonly ratio: number
  /** Whether the caller's decision holds for the caller's traces ("parentbased_…"). */
  readonly followsParent: boolean
}

/** Decides about a span that comes from outside or begins a trace: its trace id, or undefined when nothing is kept of it. */
export function sampledTraceId(
  { ratio, followsParent }: Sampling,
  parent: TraceContext | undefined,
): string | undefined {
  if (!parent) {
    const share = Math.random()
    return share < ratio ? traceIdAt(share) : undefined
  }
  const isSampled = followsParent ? parent.isSampled : shareOf(parent.traceId) < ratio
  return isSampled ? parent.traceId : undefined
}
