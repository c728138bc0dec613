import type { Snapshot } from '../../cache/snapshot.ts'
import type { Success } from '../../flag/evaluate.ts'
import type { Question } from './answer.ts'
import type { Asked, Reply } from './exchange.ts'
import type { Heads } from './heads.ts'
import type { Observation } from './observe.ts'

/** One request under way. */
export type Visit = {
  readonly asked: Asked
  readonly seen: Observation
  readonly heads: Heads
  /** Empty where all flags are asked for. */
  readonly segment: string
}
/** What the requests of one route ask for; made once. */
export type Kind = {
  /** What the same body was answered before and would be again: then nobody reads it, which takes longer than to know it. */
  given?(visit: Visit, snapshot: Snapshot, body: string): Again | undefined
  reply(visit: Visit, question: Question, body: string): Reply | Promise<Reply>
}
/** An answer like one before it, and what stands in it. */
export type Again = { readonly evaluations: readonly Success[]; readonly reply: Reply }
