import type { Socket } from 'node:net'
import Parser from 'redis-parser'
import { type RedisClient, type RedisServer, serverNameOf } from './address.ts'

type PendingReply = Pick<PromiseWithResolvers<unknown>, 'resolve' | 'reject'>

/** Idle time after which the system checks that the other end is reachable. */
const KEEP_ALIVE_MS = 5_000

/** One connection with RESP 2. Replies arrive in the order of the commands. `onEnd` is called when it ends. */
export function openNodeClient(server: RedisServer, onEnd: () => void): RedisClient {
  const waiting: PendingReply[] = []
  let ended: Error | undefined
  const end = (error: Error) => {
    if (ended) return
    ended = error
    opened.reject(error)
    socket.destroy()
    for (const { reject } of waiting.splice(0)) reject(error)
    onEnd()
  }
  const parser = new Parser({
    returnReply: (reply) => waiting.shift()?.resolve(reply),
    returnError: (error) => waiting.shift()?.reject(error),
    returnFatalError: (cause) => end(new Error('Cannot read a reply of Redis', { cause })),
  })
  const send = (command: readonly string[]): Promise<unknown> => {
    const { promise, resolve, reject } = Promise.withResolvers<unknown>()
    if (ended) reject(ended)
    else {
      waiting.push({ resolve, reject })
      socket.write(encode(command))
    }
    return promise
  }
  const opened = Promise.withResolvers<void>()
  const socket = connect(server, opened.resolve)
  socket
    .on('data', (bytes) => parser.execute(bytes))
    .on('error', end)
    .on('close', () => end(new Error('The connection to Redis ended')))
  const greet = async () => {
    await opened.promise
    await Promise.all(greetingsOf(server).map(send))
  }
  const ready = greet()
  ready.catch(end)
  return { ready, send, destroy: () => end(new Error('The connection to Redis was closed')) }
}

/** `onOpen` is called when bytes may be sent; with TLS, after the certificate check. */
function connect(server: RedisServer, onOpen: () => void): Socket {
  const { host, port } = server
  const place = { host, port, noDelay: true, keepAlive: true, keepAliveInitialDelay: KEEP_ALIVE_MS }
  return server.tls
    ? process.getBuiltinModule('node:tls').connect({ ...place, ...serverNameOf(host) }, onOpen)
    : process.getBuiltinModule('node:net').connect(place, onOpen)
}

/** The first commands: authentication and selection of the database. */
function greetingsOf({ user, password, database }: RedisServer): string[][] {
  const authentication = user === undefined ? [password ?? ''] : [user, password ?? '']
  return [
    ...(user === undefined && password === undefined ? [] : [['AUTH', ...authentication]]),
    ...(database === 0 ? [] : [['SELECT', String(database)]]),
  ]
}

const encode = (command: readonly string[]): string =>
  `*${command.length}\r\n${command.map((word) => `$${Buffer.byteLength(word)}\r\n${word}\r\n`).join('')}`
