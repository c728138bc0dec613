import type { Times } from '../limits.ts'
import { Connection } from './connection.ts'
import type { Doors } from './doors.ts'
import type { Socket } from './socket.ts'

/** How exactly clients are held to their times. */
const LOOKS_PER_TIME = 4
const LOOK_MS_MAX = 5_000
const SWEEP_MS = 20

/** The clients of a port over HTTP/1.1. */
export class Connections {
  readonly #open = new Set<Connection>()
  #looking: ReturnType<typeof setInterval> | undefined
  #emptied: (() => void) | undefined

  /** Takes a client, and cuts it when it takes longer than it may. */
  take(socket: Socket, doors: Doors): Connection {
    const connection = new Connection(socket, doors, (left) => this.#forget(left))
    this.#open.add(connection)
    this.#looking ??= setInterval(() => this.#look(), lookMsOf(doors.times))
    return connection
  }

  /** Closes each as its request ends, and what is left when `late` aborts; resolves when none is left. */
  async close(late?: AbortSignal): Promise<void> {
    if (this.#open.size === 0) return
    const sweep = setInterval(() => {
      this.#look()
      for (const connection of this.#open) if (connection.isIdle || late?.aborted) connection.cut()
    }, SWEEP_MS)
    await new Promise<void>((resolve) => {
      this.#emptied = resolve
    })
    clearInterval(sweep)
  }

  #look(): void {
    const now = performance.now()
    for (const connection of this.#open) connection.look(now)
  }

  #forget(connection: Connection): void {
    this.#open.delete(connection)
    if (this.#open.size > 0) return
    clearInterval(this.#looking)
    this.#looking = undefined
    this.#emptied?.()
  }
}

const lookMsOf = ({ headersMs, requestMs, keepAliveMs }: Times): number =>
  Math.min(LOOK_MS_MAX, Math.min(headersMs, requestMs, keepAliveMs) / LOOKS_PER_TIME)
