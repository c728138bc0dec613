import type { Hono } from 'hono'
import { type EvaluationDoors, type Evaluations, evaluations } from './evaluations.ts'
import { type Asked, askedBy, headOf, type Reply, responseOf } from './exchange.ts'
import { type Health, probes } from './health.ts'
import { type Notes, type Observe, observeIn, observeProbesIn } from './observe.ts'
import { headsFor } from './ofrep-heads.ts'
import { appOnUse, type Fetch } from './on-use.ts'
import { pathOf } from './trace.ts'

/** What evaluations and probes need, and what says how the app around them is set up. */
export type FrontDoors = Omit<EvaluationDoors, 'defaultFlagSetId' | 'observe'> & {
  readonly health: Health
  readonly notes?: Notes | undefined
  readonly trialFlagSetId: string | undefined
  readonly corsOrigins: readonly string[] | undefined
}
/** What the server is given: `evaluate` first where it can, `fetch` for all that this leaves, and for whoever has web requests. */
export type Front = {
  readonly fetch: Fetch
  /** Answers an evaluation by POST, or a probe by GET; undefined: it is for `fetch`. */
  readonly evaluate: (asked: Asked) => Promise<Reply> | undefined
}

/**
 * The address of an evaluation as providers write it. Whatever a URL parser might read in another way (dot segments, characters that
 * it escapes) is not matched here, and goes through the app.
 */
const EVALUATION =
  /^https?:\/\/[^/?#]+\/ofrep\/v1\/evaluate\/flags(?:\/((?!\.|%2[eE])[\w~!$&'()*+,;=:@.%-]*))?(?:\?[^#]*)?$/

/**
 * The app, with evaluations answered before it: nine of ten requests are, and Hono's layers, its CORS middleware and, on Node, the
 * bridge to web objects cost more than answering them does. Probes too, since an instance is woken by a probe and an evaluation: the app is
 * loaded with the first request that is neither. Everything else is the app's: other methods, other paths, and all of trial mode, where
 * middleware keeps pages of other sites away.
 */
export function front(doors: FrontDoors, load: () => Promise<Hono>): Front {
  const { corsOrigins, health, log, notes = {}, trialFlagSetId } = doors
  const app = appOnUse(load, log)
  if (trialFlagSetId !== undefined) return { fetch: app, evaluate: () => undefined }
  const door = { ...doors, defaultFlagSetId: undefined, observe: observeIn(notes) }
  const evaluation = routed(evaluations(door, headsFor(corsOrigins)))
  const probe = probed(health, observeProbesIn(notes))
  const evaluate: Front['evaluate'] = (asked) => {
    if (asked.method === 'POST') return evaluation(asked)
    return asked.method === 'GET' ? probe(asked) : undefined
  }
  return { evaluate, fetch: (request) => evaluate(askedBy(request))?.then(responseOf) ?? app(request) }
}

function routed({ single, bulk }: Evaluations): Front['evaluate'] {
  return (asked) => {
    const found = EVALUATION.exec(asked.url)
    if (!found) return undefined
    const segment = found[1]
    return segment === undefined || segment === '' ? bulk(asked) : single(asked, segment)
  }
}

const PROBE_HEAD = headOf({ 'content-type': 'application/json' })

function probed(health: Health, observe: Observe): Front['evaluate'] {
  const known = probes(health)
  return (asked) => {
    const path = pathOf(asked.url)
    const probe = known.get(path)
    if (!probe) return undefined
    const seen = observe(path, asked)
    return probe().then(({ status, body }) => seen.done({ status, head: PROBE_HEAD, body: JSON.stringify(body) }))
  }
}
