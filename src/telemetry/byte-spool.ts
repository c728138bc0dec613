import { Spool } from './spool.ts'

const PAGE_BYTES = 65_536
/** Pages that wait for what comes next; more, as after a burst, are given back. */
const SPARE_MAX = 128

/** Memory that several share: it is free when the last of them is done. */
type Page = { readonly bytes: Uint8Array; size: number; count: number }

/**
 * A spool of bytes, which are copied into memory that is used again and again. Each with memory of its own waits for seconds and so grows
 * old; to collect it with the old is what V8 takes 50 ms for, on one processor, in which requests wait
 * (docs/decisions/0014-http-speed.md).
 */
export class ByteSpool extends Spool<Uint8Array> {
  readonly #used = new Map<ArrayBufferLike, Page>()
  readonly #spare: Page[] = []
  #page = newPage(0)

  /** Copies `bytes`. */
  override push(bytes: Uint8Array): void {
    const { length } = bytes
    if (this.#page.size + length > this.#page.bytes.length) this.#turn(length)
    const page = this.#page
    const start = page.size
    page.bytes.set(bytes, start)
    page.size += length
    page.count += 1
    super.push(page.bytes.subarray(start, page.size))
  }

  override done(taken: readonly Uint8Array[]): void {
    for (const { buffer } of taken) {
      const page = this.#used.get(buffer)
      if (!page) continue
      page.count -= 1
      if (page.count === 0 && page !== this.#page) this.#free(page)
    }
  }

  #turn(length: number): void {
    const last = this.#page
    this.#page = (length <= PAGE_BYTES && this.#spare.pop()) || newPage(Math.max(length, PAGE_BYTES))
    this.#used.set(this.#page.bytes.buffer, this.#page)
    if (last.count === 0) this.#free(last)
  }

  #free(page: Page): void {
    this.#used.delete(page.bytes.buffer)
    if (page.bytes.length !== PAGE_BYTES || this.#spare.length >= SPARE_MAX) return
    page.size = 0
    this.#spare.push(page)
  }
}

const newPage = (size: number): Page => ({ bytes: new Uint8Array(size), size: 0, count: 0 })
