import type { Hono } from 'hono'
import { pathOf } from '../../middleware/tracing.ts'
import { type Health, probes } from '../health.ts'
import { type Fetch, lazyApp } from '../lazy.ts'
import { lastSegment } from '../paths.ts'
import { type EvaluationDependencies, type Evaluations, evaluations } from './evaluations.ts'
import { type Asked, askedBy, responseOf, type Send } from './exchange.ts'
import { headsFor } from './heads.ts'
import { type Notes, type Observe, observeIn, observeProbesIn } from './observe.ts'

/** What evaluations and probes need, and what says how the app around them is set up. */
export type FrontDependencies = Omit<EvaluationDependencies, 'defaultFlagSetId' | 'observe'> & {
  readonly health: Health
  readonly notes?: Notes | undefined
  readonly trialFlagSetId: string | undefined
  readonly corsOrigins: readonly string[] | undefined
}
/** What the server is given: `evaluating` first where it can, `fetch` for all that this leaves, and for whoever has web requests. */
export type Front = {
  readonly fetch: Fetch
  readonly evaluating: Evaluating
}
/** Sends the answer of an evaluation by POST, or of a probe by GET; undefined: it is for `fetch`. */
type Evaluate<To, Sent> = (asked: Asked, to: To) => Promise<Sent> | undefined
type Evaluating = <To, Sent>(send: Send<To, Sent>) => Evaluate<To, Sent>

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
export function front(dependencies: FrontDependencies, load: () => Promise<Hono>): Front {
  const { corsOrigins, health, log, notes = {}, trialFlagSetId } = dependencies
  const app = lazyApp(load, log)
  if (trialFlagSetId !== undefined) return { fetch: app, evaluating: () => () => undefined }
  const door = { ...dependencies, defaultFlagSetId: undefined, observe: observeIn(notes) }
  const answering = evaluations(door, headsFor(corsOrigins))
  const observe = observeProbesIn(notes)
  const evaluating: Evaluating = (send) => {
    const evaluation = routed(answering(send))
    const probe = probed(health, observe, send)
    return (asked, to) => {
      if (asked.method === 'POST') return evaluation(asked, to)
      return asked.method === 'GET' ? probe(asked, to) : undefined
    }
  }
  const evaluate = evaluating<undefined, Response>(responseOf)
  return { evaluating, fetch: (request) => evaluate(askedBy(request), undefined) ?? app(request) }
}

function routed<To, Sent>({ single, bulk }: Evaluations<To, Sent>): Evaluate<To, Sent> {
  return (asked, to) => {
    if (ONE.test(asked.url)) return single(asked, to, lastSegment(asked.url))
    return ALL.test(asked.url) ? bulk(asked, to) : undefined
  }
}

const PROBE_HEAD = { 'content-type': 'application/json' }

function probed<To, Sent>(health: Health, observe: Observe, send: Send<To, Sent>): Evaluate<To, Sent> {
  const known = probes(health)
  return (asked, to) => {
    const path = pathOf(asked.url)
    const probe = known.get(path)
    if (!probe) return undefined
    const seen = observe(path, asked)
    return probe().then(({ status, body }) => {
      return send(seen.done({ status, head: PROBE_HEAD, body: JSON.stringify(body) }), to)
    })
  }
}
