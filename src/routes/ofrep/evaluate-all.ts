import type { Snapshot } from '../../cache/snapshot.ts'
import { answersFor, type Question } from './answer.ts'
import { Repeats } from './bulk-cache.ts'
import { isHeld } from './etag.ts'
import type { Reply } from './exchange.ts'
import type { EventStream, EventStreams } from './stream-token.ts'
import { isForced } from './told.ts'
import type { Kind, Visit } from './visit.ts'

/** All flags, as web providers ask: whoever has them already is told so. */
export function bulk(eventStreams: EventStreams | undefined): Kind {
  const repeats = new Repeats()
  const streamsOf = ({ flagSetId }: Snapshot) => eventStreams?.(flagSetId)
  const replyWith = (visit: Visit, question: Question, asked: { body: string; streams: Streams }): Reply => {
    const { snapshot } = question
    const { body, streams } = asked
    const { etag, text, lasting } = answersFor(question, streams)
    if (!isHeld(heldOn(visit, snapshot), etag))
      return { status: 200, head: visit.heads.answer, own: { etag }, body: text() }
    const evaluations = lasting()
    if (evaluations) repeats.keep({ snapshot, streams }, wordsOf(visit, body), { etag, evaluations })
    return unchanged(visit, etag)
  }
  return {
    given(visit, snapshot, body) {
      const held = heldOn(visit, snapshot)
      const streams = held === null ? undefined : streamsOf(snapshot)
      if (held === null || streams instanceof Promise) return undefined
      const given = repeats.find({ snapshot, streams }, wordsOf(visit, body))
      if (given === undefined || !isHeld(held, given.etag)) return undefined
      return { evaluations: given.evaluations, reply: unchanged(visit, given.etag) }
    },
    reply(visit, question, body) {
      const streams = streamsOf(question.snapshot)
      return streams instanceof Promise
        ? streams.then((known) => replyWith(visit, question, { body, streams: known }))
        : replyWith(visit, question, { body, streams })
    },
  }
}

type Streams = readonly EventStream[] | undefined

/** The ETags that the client has, unless an event told it of another state: what it holds is no answer to that. */
function heldOn({ asked: { url, headers } }: Visit, snapshot: Snapshot): string | null {
  return isForced(url, snapshot) ? null : headers.get('if-none-match')
}

/** What is asked, in one text. */
const wordsOf = ({ asked: { headers } }: Visit, body: string): string =>
  `${headers.get('flagd-selector') ?? ''}\n${body}`

const unchanged = ({ heads: { unchanged: head } }: Visit, etag: string): Reply => ({
  status: 304,
  head,
  own: { etag },
  body: null,
})
