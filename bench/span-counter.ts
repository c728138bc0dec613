import { once } from 'node:events'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { BinaryReader, WireType } from '@bufbuild/protobuf/wire'
import type { Mood } from '../test/support/collector.ts'

/** A collector that only counts spans. */
export type SpanCounter = { readonly endpoint: string; mood: Mood; spans: number; close(): Promise<void> }

/**
 * Receives traces over OTLP and counts the spans without parsing them. The collector of the tests parses each span, which keeps a core
 * busy and slows the measured core, because both share caches and memory.
 */
export async function startSpanCounter(): Promise<SpanCounter> {
  const server = createServer((request, response) => void take(request, response))
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  const counter: SpanCounter = {
    endpoint: `http://127.0.0.1:${port}`,
    mood: 'takes',
    spans: 0,
    close: async () => {
      server.close()
      server.closeAllConnections()
      await once(server, 'close')
    },
  }
  const take = async (request: IncomingMessage, response: ServerResponse): Promise<void> => {
    const chunks: Buffer[] = []
    for await (const chunk of request) chunks.push(chunk)
    if (counter.mood === 'hangs') return
    if (counter.mood === 'takes') counter.spans += countOf(Buffer.concat(chunks), [1, 2, 2])
    response.writeHead(counter.mood === 'takes' ? 200 : 503, { 'content-type': 'application/x-protobuf' }).end()
  }
  return counter
}

/** The number of messages at this path of fields: resource, scope, span. */
function countOf(bytes: Uint8Array, [wanted, ...path]: readonly number[]): number {
  const reader = new BinaryReader(bytes)
  let count = 0
  while (reader.pos < reader.len) {
    const [field, type] = reader.tag()
    if (field !== wanted || type !== WireType.LengthDelimited) reader.skip(type)
    else if (path.length > 0) count += countOf(reader.bytes(), path)
    else {
      reader.skip(type)
      count += 1
    }
  }
  return count
}
