import { type BunSocket, listenForSockets, type Place } from '../bun-socket.ts'
import { Connection } from './connection.ts'
import type { Doors } from './doors.ts'

/** How exactly clients are held to their times. */
const LOOKS_PER_TIME = 4
const LOOK_MS_MAX = 5_000
const SWEEP_MS = 20

/** HTTP/1.1 on one port. */
export type Port = {
  readonly port: number
  /** Accepts no more connections. */
  stop(): void
  /** Closes connections as their requests end, and what is left when `late` aborts; resolves when none is left. */
  close(late?: AbortSignal): Promise<void>
}

/** Listens for clients, and closes the connections of those that take longer than `times`. Throws what Bun says where the place cannot be had. */
export function openPort(place: Place, doors: Doors): Port {
  const { headersMs, requestMs, keepAliveMs } = doors.times
  const lookMs = Math.min(LOOK_MS_MAX, Math.min(headersMs, requestMs, keepAliveMs) / LOOKS_PER_TIME)
  const connections = new Set<Connection>()
  let looking: ReturnType<typeof setInterval> | undefined
  let emptied: (() => void) | undefined
  const look = () => {
    const now = performance.now()
    for (const connection of connections) connection.look(now)
  }
  const left = (connection: Connection) => {
    connections.delete(connection)
    if (connections.size > 0) return
    clearInterval(looking)
    looking = undefined
    emptied?.()
  }
  const open = (socket: BunSocket) => {
    const connection = new Connection(socket, doors, left)
    socket.data = connection
    connections.add(connection)
    looking ??= setInterval(look, lookMs)
  }
  const listener = listenForSockets(place, open)
  return {
    port: listener.port,
    stop: () => listener.stop(),
    async close(late) {
      if (connections.size === 0) return
      const sweep = setInterval(() => {
        for (const connection of connections) if (connection.isIdle || late?.aborted) connection.cut()
      }, SWEEP_MS)
      await new Promise<void>((resolve) => {
        emptied = resolve
      })
      clearInterval(sweep)
    },
  }
}
