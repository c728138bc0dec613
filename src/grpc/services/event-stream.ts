import type { DescMessage, JsonObject, MessageInitShape, MessageShape } from '@bufbuild/protobuf'
import { type Selector, selects } from '../../cache/selector.ts'
import type { Snapshot } from '../../cache/snapshot.ts'
import type { News, Subscriptions } from '../../cache/subscriptions.ts'
import { differenceOf } from '../../flag/flag-set.ts'
import type { Admit } from '../authorize.ts'
import { type Call, sharedMessage } from '../service.ts'
import { isStopping, type OpenStreams } from '../stream-limits.ts'

export type EventDependencies = {
  readonly admit: Admit
  readonly subscriptions: Pick<Subscriptions, 'watch'>
  readonly streams: OpenStreams
  /** How long an event stream is silent before it says that it is there. */
  readonly keepAliveMs?: number | undefined
}

/** flagd's. */
const KEEP_ALIVE_MS = 20_000

type Changes = { [key: string]: { type: 'write' | 'update' | 'delete' } }
type Kind = 'provider_ready' | 'keep_alive' | 'configuration_change' | 'provider_shutdown'

/**
 * The method that tells providers what changed, by a write or by time: they forget what they know of exactly the flags that are named. One that reads slowly
 * misses steps but no flag: each message says what differs from the message before.
 */
export function eventStream<O extends DescMessage>(
  { admit, subscriptions, streams, keepAliveMs = KEEP_ALIVE_MS }: EventDependencies,
  answer: O,
) {
  const message = (type: Kind, data?: JsonObject): MessageShape<O> =>
    sharedMessage(answer, { type, ...(data && { data }) } as unknown as MessageInitShape<O>)
  const ready = message('provider_ready')
  const keepAlive = message('keep_alive')
  const changed = (told: Snapshot, news: News, selector: Selector | undefined): MessageShape<O>[] => {
    const flags = changesBetween(told, news, selector)
    return Object.keys(flags).length > 0 ? [message('configuration_change', { flags })] : []
  }
  async function* events(flagSetId: string, selector: Selector | undefined, signal: AbortSignal) {
    let told: Snapshot | undefined
    const watching = subscriptions.watch(flagSetId, { signal, silenceMs: keepAliveMs, withBoundaries: true })
    for await (const news of watching) {
      if (news === null) yield keepAlive
      else yield* told === undefined ? [ready] : changed(told, news, selector)
      told = news?.snapshot ?? told
    }
    if (isStopping(signal)) yield message('provider_shutdown', {})
  }
  return async function* (_: unknown, call: Call): AsyncGenerator<MessageShape<O>> {
    const { flagSetId, selector } = await admit(call, 'client')
    yield* streams.hold(flagSetId, call.signal, (signal) => events(flagSetId, selector, signal))
  }
}

/** All streams that are up to date make the same step. */
const steps = new WeakMap<Snapshot, WeakMap<Snapshot, Difference>>()
type Difference = ReturnType<typeof differenceOf>

function stepBetween(before: Snapshot, after: Snapshot): Difference {
  const known = steps.get(after) ?? new WeakMap<Snapshot, Difference>()
  steps.set(after, known)
  const difference = known.get(before) ?? differenceOf(before.flagSet, after.flagSet)
  known.set(before, difference)
  return difference
}

/**
 * What a step means to a client that sees only what the selector lets through: a flag may come into view without being new. A flag that
 * time changes is updated.
 */
function changesBetween(before: Snapshot, { snapshot: after, timed }: News, selector: Selector | undefined): Changes {
  const changes: Changes = Object.create(null)
  for (const key of timed) if (isSelected(after, key, selector)) changes[key] = { type: 'update' }
  for (const key of stepBetween(before, after).keys()) {
    const was = isSelected(before, key, selector)
    const is = isSelected(after, key, selector)
    if (was) changes[key] = { type: is ? 'update' : 'delete' }
    else if (is) changes[key] = { type: 'write' }
  }
  return changes
}

function isSelected({ flagSet, flagSetId }: Snapshot, key: string, selector: Selector | undefined): boolean {
  const flag = flagSet.flags.get(key)
  return flag !== undefined && selects(selector, flagSetId, flag.metadata)
}
