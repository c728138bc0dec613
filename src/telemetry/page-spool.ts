import type { Page } from './protobuf.ts'
import { Waiting } from './spool.ts'

const PAGE_BYTES = 65_536
/** With no more room than the longest item took so far the next page begins, or with no more than this: for what is longer a page grows. */
const ROOM_BYTES_MAX = 16_384
/** Pages that wait for what comes next; more, as after a burst, are given back. */
const SPARE_MAX = 128

/** What was taken from one page: items that stand one behind the other. */
type Part = { readonly bytes: Uint8Array<ArrayBuffer>; readonly page: Leaf; readonly count: number }
export type Batch = { readonly length: number; readonly parts: readonly Part[] }

type Leaf = Page & {
  /** How many items were written. */
  count: number
  /** Where each of them ends. */
  readonly ends: number[]
  /** How many of them are no longer waiting. */
  left: number
  /** How many of those are not done. */
  out: number
}

/**
 * A spool of what is written at once, as it will be sent, in memory that is used again and again. Each item with memory of its own waits
 * for seconds and so grows old; to collect it with the old is what V8 takes 50 ms for, on one processor, in which requests wait
 * (docs/decisions/0014-http-speed.md).
 */
export class PageSpool<T> extends Waiting<Batch> {
  readonly #write: (page: Page, item: T) => void
  readonly #spare: Leaf[] = []
  /** At first of no bytes: most processes trace nothing. */
  #last = newLeaf(0)
  /** Those with something that waits, the oldest first, and the last, which is written to. */
  readonly #leaves = [this.#last]
  #room = 0

  /** `write` writes an item behind what a page holds. */
  constructor(capacity: number, write: (page: Page, item: T) => void) {
    super(capacity)
    this.#write = write
  }

  push(item: T): void {
    if (this.size === this.capacity) this.#drop()
    if (this.#last.bytes.length - this.#last.size <= this.#room) this.#turn()
    const leaf = this.#last
    const start = leaf.size
    this.#write(leaf, item)
    this.#room = Math.max(this.#room, Math.min(leaf.size - start, ROOM_BYTES_MAX))
    leaf.ends[leaf.count] = leaf.size
    leaf.count += 1
    this.came()
  }

  override take(max: number): Batch {
    const parts: Part[] = []
    const length = Math.min(max, this.size)
    for (let wanted = length; wanted > 0; ) {
      const page = this.#oldest
      const from = startOf(page)
      const count = Math.min(wanted, page.count - page.left)
      page.out += count
      this.#leave(page, count)
      parts.push({ bytes: page.bytes.subarray(from, startOf(page)), page, count })
      wanted -= count
    }
    return { length, parts }
  }

  override done({ parts }: Batch): void {
    for (const { page, count } of parts) {
      page.out -= count
      this.#reuse(page)
    }
  }

  get #oldest(): Leaf {
    return this.#leaves[0] ?? this.#last
  }

  #drop(): void {
    const oldest = this.#oldest
    this.#leave(oldest, 1)
    this.#reuse(oldest)
    this.dropped.value += 1
  }

  /** The first items of the oldest page wait no longer. */
  #leave(oldest: Leaf, count: number): void {
    oldest.left += count
    this.went(count)
    if (oldest !== this.#last && isTaken(oldest)) this.#leaves.shift()
  }

  #turn(): void {
    if (isTaken(this.#last)) this.#leaves.shift() // it is the only one
    this.#last = this.#spare.pop() ?? newLeaf(PAGE_BYTES)
    this.#leaves.push(this.#last)
  }

  /** Writes to a page from its start again, now or when it is its turn, if nobody needs what it holds. */
  #reuse(leaf: Leaf): void {
    if (!isTaken(leaf) || leaf.out > 0) return
    leaf.size = 0
    leaf.left = 0
    leaf.count = 0
    if (leaf !== this.#last && leaf.bytes.length === PAGE_BYTES && this.#spare.length < SPARE_MAX)
      this.#spare.push(leaf)
  }
}

const newLeaf = (length: number): Leaf => ({
  bytes: new Uint8Array(length),
  size: 0,
  count: 0,
  ends: [],
  left: 0,
  out: 0,
})

const isTaken = ({ left, count }: Leaf): boolean => left === count

/** Where the first item begins that waits. */
const startOf = ({ left, ends }: Leaf): number => ends[left - 1] ?? 0
