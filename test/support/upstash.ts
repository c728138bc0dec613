import { createClient } from '@redis/client'
import { Hono } from 'hono'
import { listen } from '../../src/server/listen.ts'

export type Front = {
  readonly restUrl: string
  readonly restToken: string
  /** All received requests, oldest first. */
  readonly requests: readonly { readonly path: string; readonly headers: readonly string[] }[]
  /** Ends every subscription without an error, as Upstash does. */
  endSubscriptions(): void
  close(): Promise<void>
}

const TOKEN = 'a-token-for-tests'

/**
 * A server of Upstash's REST protocol in front of a real Redis (https://upstash.com/docs/redis/features/restapi): a command, /pipeline,
 * /multi-exec, /subscribe as server-sent events, errors, and base64 if the client requests it.
 */
export async function startUpstash(redisUrl: string): Promise<Front> {
  const client = createClient({ url: redisUrl, RESP: 2, socket: { reconnectStrategy: () => 50 } })
  client.on('error', () => undefined)
  await client.connect()
  const requests: { path: string; headers: string[] }[] = []
  const subscriptions = new Set<() => void>()
  const run = async (command: unknown): Promise<{ result: unknown } | { error: string }> => {
    if (!Array.isArray(command) || command.length === 0) return { error: 'ERR empty command' }
    try {
      return { result: await client.sendCommand(command.map(String)) }
    } catch (error) {
      return { error: error instanceof Error ? error.message : String(error) }
    }
  }
  const app = new Hono()
  app.use(async (c, next) => {
    requests.push({ path: c.req.path, headers: [...c.req.raw.headers.keys()] })
    if (c.req.header('authorization') !== `Bearer ${TOKEN}`)
      return c.json({ error: 'WRONGPASS invalid or missing auth token' }, 401)
    await next()
  })
  const encoded = (c: { req: { header(name: string): string | undefined } }, value: unknown): unknown =>
    c.req.header('upstash-encoding') === 'base64' ? encode(value) : value
  app.post('/', async (c) => {
    const reply = await run(await c.req.json())
    return 'error' in reply ? c.json(reply, 400) : c.json({ result: encoded(c, reply.result) })
  })
  app.post('/pipeline', async (c) => {
    const replies = await Promise.all((await c.req.json<unknown[]>()).map(run))
    return c.json(replies.map((reply) => ('error' in reply ? reply : { result: encoded(c, reply.result) })))
  })
  app.post('/multi-exec', async (c) => {
    const commands = await c.req.json<unknown[]>()
    const replies = await Promise.all([['MULTI'], ...commands, ['EXEC']].map(run))
    const last = replies.at(-1)
    if (!last || 'error' in last) return c.json(last ?? { error: 'ERR' }, 400)
    return c.json((last.result as unknown[]).map((result) => ({ result: encoded(c, result) })))
  })
  app.on(['GET', 'POST'], '/subscribe/:channel', async (c) => {
    const channel = c.req.param('channel')
    const subscriber = client.duplicate()
    subscriber.on('error', () => undefined)
    const text = new TextEncoder()
    let end: () => void = () => undefined
    const body = new ReadableStream<Uint8Array>({
      async start(controller) {
        const say = (line: string) => controller.enqueue(text.encode(`data: ${line}\n\n`))
        await subscriber.connect()
        await subscriber.subscribe(channel, (message) => say(`message,${channel},${message}`))
        say(`subscribe,${channel},1`)
        end = () => {
          subscriptions.delete(end)
          subscriber.destroy()
          controller.close()
        }
        subscriptions.add(end)
      },
      cancel: () => {
        subscriptions.delete(end)
        subscriber.destroy()
      },
    })
    return c.body(body, 200, { 'content-type': 'text/event-stream' })
  })
  const server = await listen({ fetch: app.fetch, host: '127.0.0.1', port: 0, bodyBytesMax: 64_000_000 })
  const endSubscriptions = () => {
    for (const end of subscriptions) end()
  }
  const close = async () => {
    endSubscriptions()
    client.destroy()
    await server.close()
  }
  return {
    restUrl: `http://127.0.0.1:${server.port}`,
    restToken: TOKEN,
    requests,
    endSubscriptions,
    close,
  }
}

/** Strings in base64, at any depth; numbers and null unchanged. "OK" is never encoded, as with Upstash. */
function encode(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(encode)
  return typeof value === 'string' && value !== 'OK' ? Buffer.from(value).toString('base64') : value
}
