import type { Hono } from 'hono'
import { type EvaluationDoors, type Evaluations, evaluations } from './evaluations.ts'
import { type Asked, askedBy, headOf, responseOf, type Send } from './exchange.ts'
import { type Health, probes } from './health.ts'
import { type Notes, type Observe, observeIn, observeProbesIn } from './observe.ts'
import { headsFor } from './ofrep-heads.ts'
import { appOnUse, type Fetch } from './on-use.ts'
import { lastSegment } from './paths.ts'
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
  /** Sends the answer of an evaluation by POST, or of a probe by GET; undefined: it is for `fetch`. */
  readonly evaluate: <Sent>(asked: Asked, send: Send<Sent>) => Promise<Sent> | undefined
}

/**
 * The addresses of evaluations as providers write them, of one flag and of all. Whatever a URL parser might read in another way (dot
 * segments, characters that it escapes) is not matched here, and goes through the app.
 */
const ONE = /^https?:\/\/[^/?#]+\/ofrep\/v1\/evaluate\/flags\/(?!\.|%2[eE])[\w~!$&'()*+,;=:@.%-]+(?:\?[^#]*)?$/
const ALL = /^https?:\/\/[^/?#]+\/ofrep\/v1\/evaluate\/flags\/?(?:\?[^#]*)?$/

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
  const evaluate: Front['evaluate'] = (asked, send) => {
    if (asked.method === 'POST') return evaluation(asked, send)
    return asked.method === 'GET' ? probe(asked, send) : undefined
  }
  return { evaluate, fetch: (request) => evaluate(askedBy(request), responseOf) ?? app(request) }
}

function routed({ single, bulk }: Evaluations): Front['evaluate'] {
  return (asked, send) => {
    if (ONE.test(asked.url)) return single(asked, send, lastSegment(asked.url))
    return ALL.test(asked.url) ? bulk(asked, send) : undefined
  }
}

const PROBE_HEAD = headOf({ 'content-type': 'application/json' })

function probed(health: Health, observe: Observe): Front['evaluate'] {
  const known = probes(health)
  return (asked, send) => {
    const path = pathOf(asked.url)
    const probe = known.get(path)
    if (!probe) return undefined
    const seen = observe(path, asked)
    return probe().then(({ status, body }) => send(seen.done({ status, head: PROBE_HEAD, body: JSON.stringify(body) })))
  }
}
