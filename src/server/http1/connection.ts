import type { Fetch, Refusal, Reply } from '../server.ts'
import { bytesOf, CONTINUE, refusalOf, saysClose, textOf } from './answer.ts'
import { type Answers, type Doors, type HandOver, heirOf, unreadOf } from './doors.ts'
import { type Head, Malformed, urlOf } from './head.ts'
import { Incoming } from './incoming.ts'
import { Inlet } from './inlet.ts'
import { LateRequest, WholeRequest } from './request.ts'
import type { Listener, Socket } from './socket.ts'
import { GONE, WebExchange } from './web-exchange.ts'

/** What a client may send before it has its answer. */
const AHEAD_BYTES_MAX = 65_536
/** What a client has to read its last answer and to close. */
const LINGER_MS = 2_000
const LATE = new Malformed(408, 'The request takes too long')

/** One client over HTTP/1.1, whose requests are answered one after the other. */
export class Connection implements Listener, Answers {
  readonly #socket: Socket
  readonly #inlet: Inlet
  readonly #doors: Doors
  readonly #left: (connection: Connection) => void
  /** Until when it has to say more, in milliseconds of the monotonic clock. */
  #deadline: number
  /** Of the request that comes or is answered. */
  #head: Head | undefined
  /** What of its body is still to come. */
  #incoming: Incoming | undefined
  #isAnswering = false
  /** What is answered, where that is no evaluation. */
  #exchange: WebExchange | undefined
  #isReading = false
  /** Half of a head has come. */
  #isWaiting = false
  /** The client sends no more. */
  #hasEnded = false
  /** Nothing is read any more. */
  #isOver = false

  /** `left` is told when the client is gone. */
  constructor(socket: Socket, doors: Doors, left: (connection: Connection) => void) {
    this.#socket = socket
    this.#inlet = new Inlet(socket)
    this.#doors = doors
    this.#left = left
    this.#deadline = performance.now() + doors.times.silentMs
  }

  /** True between two requests. */
  get isIdle(): boolean {
    return !this.#isAnswering && !this.#isOver && !this.#incoming && !this.#inlet.bytes
  }

  onBytes(bytes: Buffer): void {
    if (this.#isOver) return
    this.#inlet.add(bytes)
    this.#read()
  }

  onEnd(): void {
    this.#hasEnded = true
    this.#incoming?.fail(GONE)
    this.#exchange?.hangUp()
    if (this.#isOver) void this.#linger()
    else if (!this.#isAnswering) this.#end()
  }

  onClose(): void {
    this.#isOver = true
    this.#incoming?.fail(GONE)
    this.#exchange?.leave()
    this.#left(this)
  }

  /** Cuts a client whose time is up; one that is in the middle of a request is told. */
  look(now: number): void {
    if (now <= this.#deadline) return
    if (this.#isWaiting) this.#turnAway(refusalOf(LATE), true)
    else if (!this.#isAnswering || !this.#incoming || this.#incoming.hasFailed) this.cut()
    else {
      this.#incoming.fail(LATE)
      this.#mayTake(LINGER_MS)
    }
  }

  cut(): void {
    this.#socket.cut()
  }

  /** Sends the answer of an evaluation, as one text. */
  answer(reply: Reply): void {
    const isLast = this.#isLast || saysClose(reply)
    this.#socket.write(textOf(reply, isLast))
    if (this.#socket.isFull) void this.#sent(!isLast)
    else this.#answered(!isLast)
  }

  /** Reads what has come as far as it can be answered now. An answer that is made at once comes back here, and goes on in the same loop. */
  #read(): void {
    if (this.#isReading) return
    this.#isReading = true
    try {
      while (this.#inlet.bytes && !this.#isOver && this.#step(this.#inlet.bytes));
    } catch (error) {
      const heir = heirOf(this.#doors.others, error)
      if (heir) this.#handOver(heir)
      else this.#turnAway(refusalOf(error), true)
    }
    this.#isReading = false
    if (this.#hasEnded && !this.#isAnswering && !this.#isOver) this.#end()
  }

  /** Takes a step with these bytes; false: it takes more of them, or time. */
  #step(bytes: Buffer): boolean {
    if (this.#incoming) return this.#readBody(this.#incoming, bytes)
    if (this.#isAnswering) {
      if (bytes.byteLength > AHEAD_BYTES_MAX) this.#inlet.pause()
      return false
    }
    const head = this.#inlet.head()
    if (head) return this.#begin(head, bytes)
    if (!this.#isWaiting) this.#mayTake(this.#doors.times.headersMs)
    this.#isWaiting = true
    return false
  }

  /** Begins to answer the request whose head stands at the start of these bytes: at once if its body does, too, as nearly always. */
  #begin(head: Head, bytes: Buffer): true {
    const { size, length } = head
    this.#head = head
    const isWhole = length !== 'chunked' && size + length <= bytes.byteLength
    const request = isWhole ? this.#whole(head, bytes, size + length) : this.#late(head)
    this.#isWaiting = false
    this.#isAnswering = true
    const { evaluate, refuse } = this.#doors
    const refusal = refuse(request, unreadOf)
    if (refusal) this.#turnAway(refusal)
    else if (!evaluate(request, this)) this.#pass(head, request)
    if (head.expects && this.#incoming && this.#isAnswering) this.#socket.write(CONTINUE)
    this.#inlet.drop(isWhole ? size + length : size)
    return true
  }

  #whole(head: Head, bytes: Buffer, end: number): WholeRequest {
    this.#deadline = Number.POSITIVE_INFINITY
    return new WholeRequest(head, urlOf(head, this.#doors.scheme), { bytes, from: head.size, to: end })
  }

  #late(head: Head): LateRequest {
    const { bodyBytesMax, scheme, times } = this.#doors
    this.#mayTake(times.requestMs)
    this.#incoming = new Incoming(head.length, bodyBytesMax, () => this.#resume())
    return new LateRequest(head, urlOf(head, scheme), this.#incoming)
  }

  /** Lets others answer what is no evaluation. */
  #pass(head: Head, request: WholeRequest | LateRequest): void {
    const { others } = this.#doors
    if ('handOver' in others) this.#handOver(others)
    else void this.#ask(others.fetch, new WebExchange(head, request, this.#socket))
  }

  async #ask(fetch: Fetch, exchange: WebExchange): Promise<void> {
    this.#exchange = exchange
    try {
      this.#answered(await exchange.answer(fetch, () => this.#isLast))
    } catch {
      this.cut()
    }
  }

  #handOver({ handOver }: HandOver): void {
    this.#isOver = true
    this.#isAnswering = false
    this.#left(this)
    handOver(this.#inlet.bytes)
  }

  #readBody(incoming: Incoming, bytes: Buffer): boolean {
    if (incoming.isFull) {
      this.#inlet.pause()
      return false
    }
    this.#inlet.drop(incoming.read(bytes))
    if (incoming.isDone) {
      this.#incoming = undefined
      this.#mayTake(this.#isAnswering ? Number.POSITIVE_INFINITY : this.#doors.times.keepAliveMs)
    }
    return true
  }

  /** Whether the answer that is sent now must be the last. */
  get #isLast(): boolean {
    return this.#head?.isLast === true || this.#incoming?.isShort === false
  }

  async #sent(goesOn: boolean): Promise<void> {
    this.#mayTake(this.#doors.times.keepAliveMs)
    await this.#socket.emptied()
    this.#answered(goesOn)
  }

  #answered(goesOn: boolean): void {
    this.#head = undefined
    this.#exchange = undefined
    this.#isAnswering = false
    if (this.#isOver) return
    this.#incoming?.ignore()
    if (!this.#incoming) this.#mayTake(this.#doors.times.keepAliveMs)
    if (goesOn) this.#resume()
    else this.#end()
  }

  #turnAway(refusal: Refusal, isLast = this.#isLast): void {
    this.#socket.write(bytesOf(refusal, isLast))
    this.#answered(!isLast)
  }

  /** Sends no more, and waits for the client to close: to close first could take the last answer from it. */
  #end(): void {
    this.#isOver = true
    this.#inlet.clear()
    this.#resume()
    this.#socket.end()
    this.#mayTake(this.#doors.times.keepAliveMs)
    void this.#linger()
  }

  async #linger(): Promise<void> {
    await this.#socket.emptied()
    if (this.#hasEnded) this.cut()
    else this.#mayTake(LINGER_MS)
  }

  #mayTake(ms: number): void {
    this.#deadline = performance.now() + ms
  }

  #resume(): void {
    this.#inlet.resume()
    this.#read()
  }
}
