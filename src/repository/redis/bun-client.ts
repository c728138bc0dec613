import type { RedisClient, RedisServer } from './redis-client.ts'

/** The part of Bun's client that we use (https://bun.com/docs/runtime/redis). It takes 1 ms to load where @redis/client takes 25. */
type BunClient = { send(command: string, words: readonly string[]): Promise<unknown>; close(): void; onclose: unknown }
type BunGlobal = {
  readonly Bun: { readonly RedisClient: new (url: string, options: { readonly autoReconnect: boolean }) => BunClient }
}

/** One connection by Bun's own client, which checks certificates against the host of its URL. `onEnd` is called when it is over. */
export function openOnBun(server: RedisServer, onEnd: () => void): RedisClient {
  const { Bun } = globalThis as unknown as BunGlobal
  const client = new Bun.RedisClient(urlOf(server), { autoReconnect: false })
  client.onclose = onEnd
  const ping = client.send('PING', []) // a command in the queue fails with the reason; connect() itself gives none
  return {
    ready: ping.then(() => undefined, unlessRefused),
    send: ([command = '', ...words]) => client.send(command, words),
    destroy: () => client.close(),
  }
}

/** A user that may not ping is connected all the same. */
function unlessRefused(error: unknown): void {
  if (!(error instanceof Error && error.message.startsWith('NOPERM'))) throw error
}

function urlOf({ host, port, tls, user, password, database }: RedisServer): string {
  const place = host.includes(':') ? `[${host}]` : host
  const credentials = [user ?? '', password ?? ''].map(encodeURIComponent).join(':')
  return `${tls ? 'rediss' : 'redis'}://${credentials === ':' ? '' : `${credentials}@`}${place}:${port}/${database}`
}
