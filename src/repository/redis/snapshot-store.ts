import type { StoreCalls } from '../calls.ts'
import { sha256 } from '../digest.ts'
import type { SendCommand } from './address.ts'

/** Which state of the truth something is. Revisions compare only within one incarnation of the database. */
export type RevisionId = { readonly incarnation: string; readonly revision: bigint }
export type StoredSnapshot = { readonly revisionId: RevisionId; readonly text: string }

export const isSameRevision = (one: RevisionId, other: RevisionId): boolean =>
  one.incarnation === other.incarnation && one.revision === other.revision
/** True when the first is a later state of the same incarnation. */
export const isNewerRevision = (one: RevisionId, other: RevisionId): boolean =>
  one.incarnation === other.incarnation && one.revision > other.revision

/** Copies of what Postgres says, by name. They may be lost, late or damaged; nothing breaks, because every reader compares stamps. */
export type SnapshotStore = {
  /** The stamp of the copy under `name`; undefined: there is none that can be read. */
  readRevision(name: string): Promise<RevisionId | undefined>
  /** The copy under `name`, in one command; undefined when there is none, or it is damaged or not ours. */
  read(name: string): Promise<StoredSnapshot | undefined>
  /** Stores a copy unless one of the same incarnation and at least its revision is there; tells all listeners. */
  write(name: string, copy: StoredSnapshot): Promise<void>
  remove(name: string): Promise<void>
}

const PREFIX = 'flagstaff'
/** Every replica that listens hears of every copy here, as `<name> <incarnation> <revision>`. */
export const INVALIDATION_CHANNEL = `${PREFIX}:hints`
const FORMAT = 'flagstaff1'
/** Below this compressing saves nothing that is worth the time. */
const COMPRESS_FROM_BYTES = 1_024

/** Both keys change together or not at all, and never backwards within an incarnation. */
const WRITE_IF_NEWER = `
local held = redis.call('GET', KEYS[1])
if held then
  local incarnation, revision = string.match(held, '^(%S+) (%d+)$')
  if incarnation == ARGV[1] and tonumber(revision) >= tonumber(ARGV[2]) and redis.call('EXISTS', KEYS[2]) == 1 then return 0 end
end
redis.call('SET', KEYS[1], ARGV[1] .. ' ' .. ARGV[2])
redis.call('SET', KEYS[2], ARGV[3])
redis.call('PUBLISH', ARGV[4], ARGV[5])
return 1`

/** Copies in Redis. `onDamage` hears of each value that was not ours or not whole. */
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
      const hint = `${name} ${incarnation} ${revision}`
      const values = [incarnation, String(revision), await pack(copy), INVALIDATION_CHANNEL, hint]
      await send(['EVAL', WRITE_IF_NEWER, '2', stampKey(name), copyKey(name), ...values])
    },
    remove: async (name) => {
      await send(['DEL', stampKey(name), copyKey(name)])
    },
  }
}

/** The same copies, each command timed under its name. */
export function timedSnapshotStore(copies: SnapshotStore, calls: StoreCalls): SnapshotStore {
  return {
    readRevision: (name) => calls.measure('read_stamp', () => copies.readRevision(name)),
    read: (name) => calls.measure('read_copy', () => copies.read(name)),
    write: (name, copy) => calls.measure('write_copy', () => copies.write(name, copy)),
    remove: (name) => calls.measure('remove_copy', () => copies.remove(name)),
  }
}

function parseStamp(text: string): RevisionId | undefined {
  const [, incarnation, revision] = /^(\S{1,64}) (\d{1,19})$/.exec(text) ?? []
  return incarnation !== undefined && revision !== undefined ? { incarnation, revision: BigInt(revision) } : undefined
}

/** A head line that says what it is, then the text or its compressed form in base64: Upstash's REST carries text only. */
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

/** Packed bytes up to which to unpack takes less time than to hand it to another thread. They cannot grow to more than 68 MB. */
const AT_ONCE_BYTES_MAX = 65_536
const UNPACKED_BYTES_MAX = 256 * 1024 * 1024

const bun = (globalThis as unknown as { readonly Bun?: { readonly gunzipSync: Gunzip } }).Bun
/** When it is needed: to load it takes Bun longer than to unpack. */
const zlib = () => process.getBuiltinModule('node:zlib')
const gunzipAtOnce: Gunzip = bun ? bun.gunzipSync : (bytes) => zlib().gunzipSync(bytes)

/**
 * Compresses a text, after others have had their turn: to make a large text has taken a while, and so does this. At the fastest level,
 * which takes a third of the time of the usual one: on a single processor requests wait for it.
 */
export async function gzip(text: string): Promise<Buffer> {
  await new Promise<void>((resolve) => setImmediate(resolve))
  return new Promise((resolve, reject) => {
    zlib().gzip(text, { level: 1 }, (error, bytes) => (error ? reject(error) : resolve(bytes)))
  })
}

/** The text that was compressed; rejects when it is none, or too large. */
export async function gunzip(bytes: Uint8Array): Promise<string> {
  const unpacked = bytes.byteLength <= AT_ONCE_BYTES_MAX ? gunzipAtOnce(bytes) : await gunzipLater(bytes)
  return Buffer.from(unpacked.buffer, unpacked.byteOffset, unpacked.byteLength).toString()
}

const gunzipLater = (bytes: Uint8Array): Promise<Buffer> =>
  new Promise((resolve, reject) => {
    const options = { maxOutputLength: UNPACKED_BYTES_MAX }
    zlib().gunzip(bytes, options, (error, unpacked) => (error ? reject(error) : resolve(unpacked)))
  })
