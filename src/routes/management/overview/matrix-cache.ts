import { sha256 } from '../../../repository/digest.ts'
import type { MatrixFilter } from '../../../repository/postgres/overview/matrix.ts'

/** The part of a matrix that a request is for. */
export type MatrixPart = Pick<MatrixFilter, 'environments' | 'limit' | 'after'>
export type MatrixCacheOptions = {
  /** Changes with everything in the matrix of a project but its usage. */
  readonly readVersion: (project: string) => Promise<string>
  /** The JSON text of a part at `now`. */
  readonly readBody: (project: string, part: MatrixPart, now: number) => Promise<string>
  /** Milliseconds since 1970. */
  readonly now: () => number
}
type SerializedMatrix = { readonly body: string; readonly etag: string }
type CachedMatrix = {
  readonly version: string
  readonly readAt: number
  /** Requests for the same part wait for one read. */
  readonly matrix: Promise<SerializedMatrix>
}

/** 5,000 flags in 3 environments are 3 MB, and the largest part is about 10 MB. */
const MATRICES_MAX = 5
const USAGE_MS = 10_000
const ETAG_LENGTH = 22

/** The last matrices, serialized. One is used while nothing but the usage has changed, and for 10 seconds at most. */
export class MatrixCache {
  readonly #options: MatrixCacheOptions
  /** The oldest first. */
  readonly #entries = new Map<string, CachedMatrix>()

  constructor(options: MatrixCacheOptions) {
    this.#options = options
  }

  /** Fails as `readVersion` and `readBody` do; the next request then reads again. */
  async read(project: string, part: MatrixPart): Promise<SerializedMatrix> {
    const name = JSON.stringify([project, part])
    const version = await this.#options.readVersion(project)
    const readAt = this.#options.now()
    const cached = this.#entries.get(name)
    if (cached?.version === version && Math.abs(readAt - cached.readAt) < USAGE_MS) return cached.matrix
    const entry = { version, readAt, matrix: this.#options.readBody(project, part, readAt).then(serialized) }
    this.#replace(name, entry)
    entry.matrix.catch(() => {
      if (this.#entries.get(name) === entry) this.#entries.delete(name)
    })
    return entry.matrix
  }

  #replace(name: string, entry: CachedMatrix): void {
    this.#entries.delete(name)
    const [oldest] = this.#entries.keys()
    if (oldest !== undefined && this.#entries.size >= MATRICES_MAX) this.#entries.delete(oldest)
    this.#entries.set(name, entry)
  }
}

const serialized = (body: string): SerializedMatrix => ({
  body,
  etag: `"${sha256(body, 'base64url').slice(0, ETAG_LENGTH)}"`,
})
