import { create, type JsonObject } from '@bufbuild/protobuf'
import { type ProviderDocument, providerDocument } from '../../cache/document.ts'
import type { Selector } from '../../cache/selector.ts'
import type { Snapshot } from '../../cache/snapshot.ts'
import type { Subscriptions } from '../../cache/subscriptions.ts'
import type { Admit } from '../authorize.ts'
import {
  FetchAllFlagsResponseSchema,
  FlagSyncService,
  GetMetadataResponseSchema,
  type SyncFlagsResponse,
  SyncFlagsResponseSchema,
} from '../gen/flagd/sync/v1/sync_pb.js'
import { type Method, methodsOf, sharedMessage } from '../service.ts'
import { RpcError, Status } from '../status.ts'
import type { OpenStreams } from '../stream-limits.ts'

export type SyncDependencies = {
  readonly admit: Admit
  readonly current: (flagSetId: string) => Snapshot | Promise<Snapshot>
  readonly subscriptions: Pick<Subscriptions, 'watch'>
  readonly streams: OpenStreams
  /** Notes that the flag set of an environment was served to a provider that evaluates in process. */
  readonly noteSync: (environmentId: bigint) => void
  /** Static values that providers merge into each evaluation context. */
  readonly contextValues: JsonObject
}

/** gRPC clients refuse messages of more than 4 MiB unless told otherwise (open-feature/flagd#1357). */
const DOCUMENT_BYTES_MAX = 3_500_000

/** `flagd.sync.v1`: whole flag sets for in-process providers. */
export function syncMethods(dependencies: SyncDependencies): [path: string, method: Method][] {
  const { admit, current, subscriptions, streams, noteSync, contextValues } = dependencies
  const messages = new WeakMap<ProviderDocument, SyncFlagsResponse>()
  const messageOf = (document: ProviderDocument): SyncFlagsResponse => {
    const init = { flagConfiguration: document.text, syncContext: contextValues }
    const message = messages.get(document) ?? sharedMessage(SyncFlagsResponseSchema, init)
    messages.set(document, message)
    return message
  }
  async function* changes(flagSetId: string, selector: Selector | undefined, signal: AbortSignal) {
    let sent: string | undefined
    for await (const news of subscriptions.watch(flagSetId, { signal })) {
      if (news === null) continue
      noteSync(news.snapshot.id)
      const document = documentOf(news.snapshot, selector)
      if (document.hash !== sent) yield messageOf(document)
      sent = document.hash
    }
  }
  return methodsOf(FlagSyncService, {
    syncFlags: async function* (request, call) {
      const { flagSetId, selector } = await admit(call, 'server', request.selector)
      yield* streams.hold(flagSetId, call.signal, (signal) => changes(flagSetId, selector, signal))
    },
    fetchAllFlags: async (request, call) => {
      const { flagSetId, selector } = await admit(call, 'server', request.selector)
      const snapshot = await current(flagSetId)
      const { text } = documentOf(snapshot, selector)
      noteSync(snapshot.id)
      return create(FetchAllFlagsResponseSchema, { flagConfiguration: text })
    },
    getMetadata: async (_, call) => {
      await admit(call, 'server')
      return create(GetMetadataResponseSchema, { metadata: contextValues })
    },
  })
}

function documentOf(snapshot: Snapshot, selector: Selector | undefined): ProviderDocument {
  const document = providerDocument(snapshot, selector)
  if (document && document.bytes <= DOCUMENT_BYTES_MAX) return document
  throw new RpcError(
    Status.resourceExhausted,
    `The flag set "${snapshot.flagSetId}" has ${document?.bytes ?? 'far too many'} bytes, more than the ${DOCUMENT_BYTES_MAX} that gRPC ` +
      'clients take: name a source with "Flagd-Selector", divide the environment, or use HTTP sync (GET /v1/flags)',
  )
}
