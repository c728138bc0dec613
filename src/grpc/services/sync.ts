import { create, type JsonObject } from '@bufbuild/protobuf'
import { type ProviderDocument, providerDocument } from '../../cache/provider-document.ts'
import type { Selector } from '../../cache/selector.ts'
import type { Snapshot } from '../../cache/snapshots.ts'
import type { Subscriptions } from '../../cache/subscriptions.ts'
import {
  FetchAllFlagsResponseSchema,
  FlagSyncService,
  GetMetadataResponseSchema,
  type SyncFlagsResponse,
  SyncFlagsResponseSchema,
} from '../gen/flagd/sync/v1/sync_pb.js'
import {
  type Authorize,
  type CallContext,
  type CallScope,
  type MethodEntry,
  methodsOf,
  RpcError,
  StatusCode,
  sharedMessage,
} from '../service.ts'
import type { OpenStreams } from '../stream-limits.ts'

export type FlagSyncDependencies = {
  readonly authorize: Authorize
  readonly current: (flagSetId: string) => Snapshot | Promise<Snapshot>
  readonly subscriptions: Pick<Subscriptions, 'watch'>
  readonly streams: OpenStreams
  /** Records that an in-process provider read the flag set of an environment. */
  readonly noteSync: (environmentId: bigint, userAgent: string | null) => void
  /** Idle time after which the key of a stream is checked. */
  readonly keyCheckMs?: number | undefined
  /** Static values that override every evaluation context; in-process providers merge them as well. */
  readonly contextValues: JsonObject
}

const KEY_CHECK_MS = 20_000
const userAgentOf = ({ header }: CallContext): string | null => header.get('user-agent')
/** Below the limit of gRPC clients, 4 MiB by default (open-feature/flagd#1357). */
const DOCUMENT_BYTES_MAX = 3_500_000

/** `flagd.sync.v1`: whole flag sets for in-process providers. */
export function syncMethods(dependencies: FlagSyncDependencies): MethodEntry[] {
  const { authorize, current, subscriptions, streams, noteSync, contextValues } = dependencies
  const { keyCheckMs: silenceMs = KEY_CHECK_MS } = dependencies
  const messages = new WeakMap<ProviderDocument, SyncFlagsResponse>()
  const messageOf = (document: ProviderDocument): SyncFlagsResponse => {
    const fields = { flagConfiguration: document.text, syncContext: contextValues }
    const message = messages.get(document) ?? sharedMessage(SyncFlagsResponseSchema, fields)
    messages.set(document, message)
    return message
  }
  async function* documents(
    authorized: () => CallScope | Promise<CallScope>,
    { signal, userAgent }: { signal: AbortSignal; userAgent: string | null },
  ) {
    const { flagSetId, selector } = await authorized()
    let lastHash: string | undefined
    for await (const news of subscriptions.watch(flagSetId, { signal, silenceMs })) {
      await authorized()
      if (news === null) continue
      noteSync(news.snapshot.id, userAgent)
      const document = documentOf(news.snapshot, selector)
      if (document.hash !== lastHash) yield messageOf(document)
      lastHash = document.hash
    }
  }
  return methodsOf(FlagSyncService, {
    syncFlags: async function* (request, call) {
      const authorized = () => authorize(call, 'server', request.selector)
      const { flagSetId } = await authorized()
      yield* streams.run(flagSetId, call.signal, (signal) =>
        documents(authorized, { signal, userAgent: userAgentOf(call) }),
      )
    },
    fetchAllFlags: async (request, call) => {
      const { flagSetId, selector } = await authorize(call, 'server', request.selector)
      const snapshot = await current(flagSetId)
      const { text } = documentOf(snapshot, selector)
      noteSync(snapshot.id, userAgentOf(call))
      return create(FetchAllFlagsResponseSchema, { flagConfiguration: text })
    },
    getMetadata: async (_, call) => {
      await authorize(call, 'server')
      return create(GetMetadataResponseSchema, { metadata: contextValues })
    },
  })
}

function documentOf(snapshot: Snapshot, selector: Selector | undefined): ProviderDocument {
  const document = providerDocument(snapshot, selector)
  if (document && document.bytes <= DOCUMENT_BYTES_MAX) return document
  throw new RpcError(
    StatusCode.resourceExhausted,
    `The flag set "${snapshot.flagSetId}" has ${document?.bytes ?? 'far too many'} bytes, more than the ${DOCUMENT_BYTES_MAX} that gRPC ` +
      'clients accept: select a source with "Flagd-Selector", split the environment, or use HTTP sync (GET /v1/flags)',
  )
}
