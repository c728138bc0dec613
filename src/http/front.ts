import type { Hono } from 'hono'
import { type EvaluationDoors, type Evaluations, evaluations } from './evaluations.ts'
import { type Asked, askedBy, type Reply, responseOf } from './exchange.ts'
import { type Notes, observeIn } from './observe.ts'
import { headsFor } from './ofrep-heads.ts'

/** What evaluations need, and what says how the app around them is set up. */
export type FrontDoors = Omit<EvaluationDoors, 'defaultFlagSetId' | 'observe'> & {
  readonly notes?: Notes | undefined
  readonly trialFlagSetId: string | undefined
  readonly corsOrigins: readonly string[] | undefined
}
/** What the server is given: `evaluate` first where it can, `fetch` for all that this leaves, and for whoever has web requests. */
export type Front = {
  readonly fetch: (request: Request) => Response | Promise<Response>
  /** Answers an evaluation by POST; undefined: it is for `fetch`. */
  readonly evaluate: (asked: Asked) => Promise<Reply> | undefined
}

/**
 * The address of an evaluation as providers write it. Whatever a URL parser might read in another way (dot segments, characters that
 * it escapes) is not matched here, and goes through the app.
 */
const EVALUATION =
  /^https?:\/\/[^/?#]+\/ofrep\/v1\/evaluate\/flags(\/(?!\.|%2[eE])[\w~!$&'()*+,;=:@.%-]*)?(?:\?[^#]*)?$/

/**
 * The app, with evaluations answered before it: nine of ten requests are, and Hono's layers, its CORS middleware and, on Node, the
 * bridge to web objects cost more than answering them does. Everything else is the app's: other methods, other paths, and evaluations in
 * trial mode, where middleware keeps pages of other sites away.
 */
export function front(doors: FrontDoors, routes: Hono): Front {
  const { corsOrigins, notes = {}, trialFlagSetId } = doors
  const fetch = (request: Request) => routes.fetch(request)
  if (trialFlagSetId !== undefined) return { fetch, evaluate: () => undefined }
  const door = { ...doors, defaultFlagSetId: undefined, observe: observeIn(notes) }
  const evaluate = routed(evaluations(door, headsFor(corsOrigins)))
  return { evaluate, fetch: (request) => evaluate(askedBy(request))?.then(responseOf) ?? fetch(request) }
}

function routed({ single, bulk }: Evaluations): Front['evaluate'] {
  return (asked) => {
    if (asked.method !== 'POST') return undefined
    const found = EVALUATION.exec(asked.url)
    if (!found) return undefined
    return found[1] === undefined || found[1] === '/' ? bulk(asked) : single(asked)
  }
}
