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
