import type { IncomingMessage, RequestListener, ServerResponse } from 'node:http'
import { FlagError } from '../flag/error.ts'
import { textOf, tooLarge } from './body-text.ts'
import { isHost, NO_HOST } from './http1/head.ts'
import type { Evaluated, Evaluating, Reply } from './server.ts'

/** Evaluation contexts are smaller. What is refused unread must not be much more than nothing. */
const BODY_BYTES_MAX = 65_536
const AUTHORIZATION = 'authorization'

/**
 * Evaluates what comes on connections that node:http has because something else was asked there, on its own objects: to build a web
 * request and response of each would take more than twice the time of all else (docs/decisions/0014-http-speed.md). `serve` gets the
 * rest, untouched: also large bodies and those of unknown length, and a key that came twice.
 */
export function evaluatedBefore(evaluating: Evaluating, serve: RequestListener): RequestListener {
  const evaluate = evaluating(send)
  return (incoming, outgoing) => {
    const sent = isPlain(incoming) && evaluate(askedBy(incoming), outgoing)
    if (!sent) serve(incoming, outgoing)
  }
}

function isPlain({ method, headers, rawHeaders }: IncomingMessage): boolean {
  if (headers['transfer-encoding'] !== undefined || !isHost(headers.host || NO_HOST)) return false
  if (method === 'GET') return headers['content-length'] === undefined
  if (method !== 'POST') return false
  return Number(headers['content-length'] ?? Number.NaN) <= BODY_BYTES_MAX && !isTwice(AUTHORIZATION, rawHeaders)
}

/** Node keeps the first of such headers alone, where others join them. */
export function isTwice(name: string, rawHeaders: readonly string[]): boolean {
  let times = 0
  for (let place = 0; place < rawHeaders.length; place += 2) {
    const each = rawHeaders[place] ?? ''
    if (each.length === name.length && each.toLowerCase() === name) times += 1
  }
  return times > 1
}

function askedBy(incoming: IncomingMessage): Evaluated {
  const { headers } = incoming
  const scheme = 'encrypted' in incoming.socket ? 'https' : 'http'
  return {
    at: performance.now(),
    method: incoming.method ?? '',
    url: `${scheme}://${headers.host || NO_HOST}${incoming.url ?? ''}`,
    headers: { get: (name) => headers[name]?.toString() ?? null },
    read: (bytesMax) => read(incoming, bytesMax),
  }
}

function read(incoming: IncomingMessage, bytesMax: number): Promise<string | undefined> {
  if (Number(incoming.headers['content-length']) > bytesMax) throw tooLarge()
  return new Promise((resolve, reject) => {
    const chunks: Buffer[] = []
    incoming.on('data', (chunk: Buffer) => chunks.push(chunk))
    incoming.on('end', () => resolve(textOf(chunks.length === 1 && chunks[0] ? chunks[0] : Buffer.concat(chunks))))
    incoming.on('close', () => {
      if (!incoming.readableEnded) reject(new FlagError('invalid', 'Cannot read the body'))
    })
  })
}

function send({ status, head, own, body }: Reply, outgoing: ServerResponse): void {
  const fields = [...fieldsOf(head)]
  for (const name in own) fields.push(name, own[name] ?? '')
  if (body !== null) fields.push('content-length', String(Buffer.byteLength(body)))
  outgoing.writeHead(status, fields).end(body ?? undefined)
}

/** Names and values of a head in one list, which Node writes as it is: an object it takes apart field by field. */
const lists = new WeakMap<Reply['head'], readonly string[]>()

function fieldsOf(head: Reply['head']): readonly string[] {
  const known = lists.get(head)
  if (known) return known
  const fields = Object.entries(head).flat()
  lists.set(head, fields)
  return fields
}
