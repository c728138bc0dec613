import type { DescMessage, JsonObject, MessageInitShape, MessageShape } from '@bufbuild/protobuf'
import { type Selector, selects } from '../../cache/selector.ts'
import type { Snapshot } from '../../cache/snapshots.ts'
import type { SnapshotUpdate, Subscriptions } from '../../cache/subscriptions.ts'
import { differenceOf, type FlagDifference } from '../../flag/flag-set.ts'
import { type Authorize, type CallContext, type CallScope, sharedMessage } from '../service.ts'
import { isStopping, type OpenStreams } from '../stream-limits.ts'

export type FlagEventDependencies = {
  readonly authorize: Authorize
  readonly subscriptions: Pick<Subscriptions, 'watch'>
  readonly streams: OpenStreams
  /** Idle time before a `keep_alive` event, and before the key of a stream is checked. */
  readonly keepAliveMs?: number | undefined
}

/** As flagd. */
const KEEP_ALIVE_MS = 20_000

type EventType = 'provider_ready' | 'keep_alive' | 'configuration_change' | 'provider_shutdown'
type ChangedFlags = { [key: string]: { type: FlagDifference } }

/**
 * The handler of EventStream. It names the flags that a write or the time has changed, so that providers remove them from their caches. A slow
 * client skips snapshots but no flag: each event has the difference to the snapshot of the event before.
 */
export function eventStream<O extends DescMessage>(
  { authorize, subscriptions, streams, keepAliveMs = KEEP_ALIVE_MS }: FlagEventDependencies,
  response: O,
) {
  const event = (type: EventType, data?: JsonObject): MessageShape<O> =>
    sharedMessage(response, { type, ...(data && { data }) } as unknown as MessageInitShape<O>)
  const ready = event('provider_ready')
  const keepAlive = event('keep_alive')
  const changes = (before: Snapshot, news: SnapshotUpdate, selector: Selector | undefined): MessageShape<O>[] => {
    const flags = changedFlags(before, news, selector)
    return Object.keys(flags).length > 0 ? [event('configuration_change', { flags })] : []
  }
  async function* events(authorized: () => CallScope | Promise<CallScope>, signal: AbortSignal) {
    const { flagSetId, selector } = await authorized()
    let last: Snapshot | undefined
    const watching = subscriptions.watch(flagSetId, { signal, silenceMs: keepAliveMs, withBoundaries: true })
    for await (const news of watching) {
      await authorized()
      if (news === null) yield keepAlive
      else yield* last === undefined ? [ready] : changes(last, news, selector)
      last = news?.snapshot ?? last
    }
    if (isStopping(signal)) yield event('provider_shutdown', {})
  }
  return async function* (_: unknown, call: CallContext): AsyncGenerator<MessageShape<O>> {
    const authorized = () => authorize(call, 'client')
    const { flagSetId } = await authorized()
    yield* streams.run(flagSetId, call.signal, (signal) => events(authorized, signal))
  }
}

type Differences = WeakMap<Snapshot, ReturnType<typeof differenceOf>>
/** By snapshot and the snapshot before: streams that are up to date share one difference. */
const differences = new WeakMap<Snapshot, Differences>()

function differenceBetween(before: Snapshot, after: Snapshot): ReturnType<typeof differenceOf> {
  const cached: Differences = differences.get(after) ?? new WeakMap()
  differences.set(after, cached)
  const difference = cached.get(before) ?? differenceOf(before.flagSet, after.flagSet)
  cached.set(before, difference)
  return difference
}

/** The changes that a client with `selector` sees: a flag that starts to match is a "write". A flag that the time has changed is an "update". */
function changedFlags(
  before: Snapshot,
  { snapshot: after, timed }: SnapshotUpdate,
  selector: Selector | undefined,
): ChangedFlags {
  const changes: ChangedFlags = Object.create(null)
  for (const key of timed) if (isSelected(after, key, selector)) changes[key] = { type: 'update' }
  for (const key of differenceBetween(before, after).keys()) {
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
