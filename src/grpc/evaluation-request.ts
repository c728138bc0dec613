import type { JsonObject } from '@bufbuild/protobuf'
import type { Asked, Count } from '../cache/counting.ts'
import type { Snapshot } from '../cache/snapshot.ts'
import type { Context } from '../flag/definition.ts'
import { FlagError } from '../flag/error.ts'
import { type Enrich, isFiniteContext } from '../flag/evaluate.ts'
import type { Admission, Admit } from './authorize.ts'
import type { Call } from './service.ts'

export type EvaluationDependencies = {
  readonly admit: Admit
  /** A promise only for an environment that this replica does not know yet. Throws `not_found` or `unavailable`. */
  readonly current: (flagSetId: string) => Snapshot | Promise<Snapshot>
  readonly enrich: Enrich
  readonly count: Count
  /** Milliseconds since 1970. */
  readonly now: () => number
}

const NO_CONTEXT: Context = {}

/** What a call asks: of which flags, for whom, and when (unix seconds). */
export type Question = Admission & Asked & { readonly snapshot: Snapshot }

/** Finds what a call is about; waits for nothing once key and environment are known here. */
export function ask(
  dependencies: EvaluationDependencies,
  call: Call,
  context: JsonObject | undefined,
): Question | Promise<Question> {
  const asked = (admission: Admission, snapshot: Snapshot): Question => ({
    flagSetId: admission.flagSetId,
    selector: admission.selector,
    snapshot,
    context: dependencies.enrich(context ?? NO_CONTEXT),
    now: Math.floor(dependencies.now() / 1_000),
    span: call.span,
  })
  const look = (admission: Admission): Question | Promise<Question> => {
    if (context !== undefined && !isFiniteContext(context))
      throw new FlagError('invalid', 'Cannot read the context: a number in it is NaN or beyond a double')
    const snapshot = dependencies.current(admission.flagSetId)
    return snapshot instanceof Promise ? snapshot.then((found) => asked(admission, found)) : asked(admission, snapshot)
  }
  const admission = dependencies.admit(call, 'client')
  return admission instanceof Promise ? admission.then(look) : look(admission)
}
