import type { Socket } from 'node:net'
import { tlsOf } from './redis-tls.ts'
import { type Ears, ended, KEEP_ALIVE_MS, type Place, type Wire } from './wire.ts'

/** Connects with node:net, or with node:tls, as `url` says. Both are loaded here: Bun takes longer for that than to connect. */
export function wireOnNode(url: string, { host, port }: Place, { onOpen, onBytes, onEnd }: Ears): Wire {
  const at = { host, port, noDelay: true, keepAlive: true, keepAliveInitialDelay: KEEP_ALIVE_MS }
  const socket: Socket = url.startsWith('rediss:')
    ? process.getBuiltinModule('node:tls').connect({ ...at, ...tlsOf(url) }, onOpen)
    : process.getBuiltinModule('node:net').connect(at, onOpen)
  socket
    .on('data', onBytes)
    .on('error', onEnd)
    .on('close', () => onEnd(ended()))
  return { write: (text) => void socket.write(text), close: () => void socket.destroy() }
}
