// What the HTTP doors are measured beside: the runtime's own server, which parses the same body and writes an answer of the same size, with
// nothing behind it. Prints its port.
import { once } from 'node:events'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'

type Serve = (options: { port: number; hostname: string; fetch: (request: Request) => Promise<Response> }) => {
  readonly port: number
}

const HEADERS = { 'content-type': 'application/json' }
const ANSWER = { key: 'targeted', reason: 'TARGETING_MATCH', value: true, variant: 'on', metadata: {} }

function answerTo(request: unknown): string {
  if (typeof request !== 'object' || request === null || !('context' in request)) throw new Error('There is no context')
  return JSON.stringify(ANSWER)
}

async function onNode(): Promise<number> {
  const server = createServer(async (request, response) => {
    const chunks: Buffer[] = []
    for await (const chunk of request) chunks.push(chunk)
    response.writeHead(200, HEADERS).end(answerTo(JSON.parse(Buffer.concat(chunks).toString())))
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  return (server.address() as AddressInfo).port
}

function onBun(): number {
  const { serve } = (globalThis as unknown as { Bun: { serve: Serve } }).Bun
  const fetch = async (request: Request) => new Response(answerTo(await request.json()), { headers: HEADERS })
  return serve({ port: 0, hostname: '127.0.0.1', fetch }).port
}

console.log(`listening on ${'Bun' in globalThis ? onBun() : await onNode()}`)
