// The server that the HTTP routes are compared with: the runtime's own server, which parses the same body and sends a response of the same
// size: a response for one flag, serialized each time, or at `/<bytes>` a text of that size. Prints its port.
import { once } from 'node:events'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'

type Serve = (options: { port: number; hostname: string; fetch: (request: Request) => Promise<Response> }) => {
  readonly port: number
}

const HEADERS = { 'content-type': 'application/json' }
const ANSWER = { key: 'targeted', reason: 'TARGETING_MATCH', value: true, variant: 'on', metadata: {} }

const SIZED = /^\/\d+$/
const texts = new Map<string, string>()

function answerTo(request: unknown, path: string): string {
  if (typeof request !== 'object' || request === null || !('context' in request)) throw new Error('There is no context')
  return SIZED.test(path) ? (texts.get(path) ?? textOf(path)) : JSON.stringify(ANSWER)
}

function textOf(path: string): string {
  const text = JSON.stringify('x'.repeat(Number(path.slice(1)) - 2))
  texts.set(path, text)
  return text
}

async function onNode(): Promise<number> {
  const server = createServer(async (request, response) => {
    const chunks: Buffer[] = []
    for await (const chunk of request) chunks.push(chunk)
    response.writeHead(200, HEADERS).end(answerTo(JSON.parse(Buffer.concat(chunks).toString()), request.url ?? '/'))
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  return (server.address() as AddressInfo).port
}

function onBun(): number {
  const { serve } = (globalThis as unknown as { Bun: { serve: Serve } }).Bun
  const pathOf = ({ url }: Request) => url.slice(url.indexOf('/', 'http://'.length))
  const fetch = async (request: Request) =>
    new Response(answerTo(await request.json(), pathOf(request)), { headers: HEADERS })
  return serve({ port: 0, hostname: '127.0.0.1', fetch }).port
}

console.log(`listening on ${'Bun' in globalThis ? onBun() : await onNode()}`)
