import type { StoreCalls } from '../calls.ts'
import { sha256 } from '../digest.ts'
import type { SendCommand } from './address.ts'

/** Identifies a state of the database. Revisions are comparable only within one incarnation. */
export type RevisionId = { readonly incarnation: string; readonly revision: bigint }
export type StoredSnapshot = { readonly revisionId: RevisionId; readonly text: string }

export const isSameRevision = (one: RevisionId, other: RevisionId): boolean =>
  one.incarnation === other.incarnation && one.revision === other.revision
/** True if `one` is newer and of the same incarnation. */
export const isNewerRevision = (one: RevisionId, other: RevisionId): boolean =>
  one.incarnation === other.incarnation && one.revision > other.revision

/** Copies of Postgres values, by name. A copy may be missing, outdated or damaged: readers compare revisions. */
export type SnapshotStore = {
  /** The revision of the copy under `name`; undefined if there is none or it is damaged. */
  readRevision(name: string): Promise<RevisionId | undefined>
  /** The copy under `name`, read with one command; undefined if there is none, or if it is damaged or foreign. */
  read(name: string): Promise<StoredSnapshot | undefined>
  /** Stores a copy and publishes the invalidation, unless the stored copy has the same incarnation and at least this revision. */
  write(name: string, copy: StoredSnapshot): Promise<void>
  remove(name: string): Promise<void>
}

const PREFIX = 'flagstaff'
/** Channel of the invalidations, `<name> <incarnation> <revision>`. */
export const INVALIDATION_CHANNEL = `${PREFIX}:invalidations`
const FORMAT = 'flagstaff1'
/** Shorter texts are not compressed. */
const COMPRESS_FROM_BYTES = 1_024

/** Changes both keys together, and never to an older revision of the same incarnation. */
const WRITE_IF_NEWER = `
local stored = redis.call('GET', KEYS[1])
if stored then
  local incarnation, revision = string.match(stored, '^(%S+) (%d+)$')
  if incarnation == ARGV[1] and tonumber(revision) >= tonumber(ARGV[2]) and redis.call('EXISTS', KEYS[2]) == 1 then return 0 end
end
redis.call('SET', KEYS[1], ARGV[1] .. ' ' .. ARGV[2])
redis.call('SET', KEYS[2], ARGV[3])
redis.call('PUBLISH', ARGV[4], ARGV[5])
return 1`

/** A snapshot store in Redis. `onDamage` is called for each value that is foreign or damaged. */
export function snapshotStoreIn(send: SendCommand, onDamage: (name: string) => void): SnapshotStore {
  const stampKey = (name: string) => `${PREFIX}:{${name}}:stamp`
  const copyKey = (name: string) => `${PREFIX}:{${name}}:copy`
  return {
    readRevision: async (name) => {
      const value = await send(['GET', stampKey(name)])
      if (value === null) return undefined
      const stamp = typeof value === 'string' ? parseStamp(value) : undefined
      if (!stamp) onDamage(name)
      return stamp
    },
    read: async (name) => {
      const value = await send(['GET', copyKey(name)])
      if (value === null) return undefined
      const copy = typeof value === 'string' ? await unpack(value) : undefined
      if (!copy) onDamage(name)
      return copy
    },
    write: async (name, copy) => {
      const { incarnation, revision } = copy.revisionId
      const invalidation = `${name} ${incarnation} ${revision}`
      const values = [incarnation, String(revision), await pack(copy), INVALIDATION_CHANNEL, invalidation]
      await send(['EVAL', WRITE_IF_NEWER, '2', stampKey(name), copyKey(name), ...values])
    },
    remove: async (name) => {
      await send(['DEL', stampKey(name), copyKey(name)])
    },
  }
}

/** The same store, with metrics and traces of its commands. */
export function timedSnapshotStore(store: SnapshotStore, calls: StoreCalls): SnapshotStore {
  return {
    readRevision: (name) => calls.measure('read_stamp', () => store.readRevision(name)),
    read: (name) => calls.measure('read_copy', () => store.read(name)),
    write: (name, copy) => calls.measure('write_copy', () => store.write(name, copy)),
    remove: (name) => calls.measure('remove_copy', () => store.remove(name)),
  }
}

function parseStamp(text: string): RevisionId | undefined {
  const [, incarnation, revision] = /^(\S{1,64}) (\d{1,19})$/.exec(text) ?? []
  return incarnation !== undefined && revision !== undefined ? { incarnation, revision: BigInt(revision) } : undefined
}

/** A header line, then the text, plain or as gzip in base64, because Upstash's REST API transports text only. */
async function pack({ revisionId: stamp, text }: StoredSnapshot): Promise<string> {
  const isLarge = text.length >= COMPRESS_FROM_BYTES
  const body = isLarge ? (await gzip(text)).toString('base64') : text
  const head = `${FORMAT} ${stamp.incarnation} ${stamp.revision} ${isLarge ? 'gzip' : 'plain'}`
  return `${head} ${digest(head, body)}\n${body}`
}

async function unpack(value: string): Promise<StoredSnapshot | undefined> {
  const end = value.indexOf('\n')
  const [format = '', incarnation = '', revision = '', encoding = '', hash] = value
    .slice(0, Math.max(end, 0))
    .split(' ')
  const stamp = parseStamp(`${incarnation} ${revision}`)
  const body = value.slice(end + 1)
  if (format !== FORMAT || !stamp || hash !== digest([format, incarnation, revision, encoding].join(' '), body))
    return undefined
  if (encoding === 'plain') return { revisionId: stamp, text: body }
  try {
    return { revisionId: stamp, text: await gunzip(Buffer.from(body, 'base64')) }
  } catch {
    return undefined
  }
}

const digest = (head: string, body: string): string => sha256(`${head}\n${body}`, 'base64url')

/** The part of Bun's API that we use (https://bun.com/docs/runtime/utils#bun-gunzipsync). */
type Gunzip = (bytes: Uint8Array) => Uint8Array

/** Compressed size up to which decompression is faster on this thread than on another. The result has at most 68 MB. */
const AT_ONCE_BYTES_MAX = 65_536
const UNPACKED_BYTES_MAX = 256 * 1024 * 1024

const bun = (globalThis as unknown as { readonly Bun?: { readonly gunzipSync: Gunzip } }).Bun
/** Loaded on first use: on Bun, loading takes longer than decompression. */
const zlib = () => process.getBuiltinModule('node:zlib')
const gunzipAtOnce: Gunzip = bun ? bun.gunzipSync : (bytes) => zlib().gunzipSync(bytes)

/**
 * Compresses a text, in a different turn of the event loop than its serialization. The fastest level takes a third of the default level's
 * time; on a single CPU, requests wait for the compression.
 */
async function gzip(text: string): Promise<Buffer> {
  await new Promise<void>((resolve) => setImmediate(resolve))
  return new Promise((resolve, reject) => {
    zlib().gzip(text, { level: 1 }, (error, bytes) => (error ? reject(error) : resolve(bytes)))
  })
}

/** Decompresses a text. Rejects if it is invalid or too large. */
async function gunzip(bytes: Uint8Array): Promise<string> {
  const unpacked = bytes.byteLength <= AT_ONCE_BYTES_MAX ? gunzipAtOnce(bytes) : await gunzipLater(bytes)
  return Buffer.from(unpacked.buffer, unpacked.byteOffset, unpacked.byteLength).toString()
}

const gunzipLater = (bytes: Uint8Array): Promise<Buffer> =>
  new Promise((resolve, reject) => {
    const options = { maxOutputLength: UNPACKED_BYTES_MAX }
    zlib().gunzip(bytes, options, (error, unpacked) => (error ? reject(error) : resolve(unpacked)))
  })
