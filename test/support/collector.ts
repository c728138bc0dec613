import { once } from 'node:events'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { gunzipSync } from 'node:zlib'
import { type OtlpPoint, type OtlpRecord, type OtlpSpan, pointsIn, recordsIn, spansIn } from './otlp.ts'

/** Behaviour: accepts requests, refuses them, or never responds. */
export type Mood = 'takes' | 'refuses' | 'hangs'
export type Collector = {
  readonly endpoint: string
  mood: Mood
  readonly spans: OtlpSpan[]
  readonly records: OtlpRecord[]
  /** The newest point of each metric. */
  readonly points: OtlpPoint[]
  /** Bodies of JSON requests, by path. */
  readonly json: Map<string, unknown>
  /** Number of requests, whatever their result. */
  requests: number
  /** Resolves with the first match of `find`, now or when it arrives. */
  wait<T>(find: () => T | undefined): Promise<T>
  close(): Promise<void>
}

const WAIT_MS = 20_000

/** An OpenTelemetry collector on loopback with OTLP over HTTP. It decodes protobuf and stores JSON as received. */
export async function startCollector(): Promise<Collector> {
  const server = createServer((request, response) => void take(request, response))
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  const waiting = new Set<() => void>()
  const collector: Collector = {
    endpoint: `http://127.0.0.1:${port}`,
    mood: 'takes',
    spans: [],
    records: [],
    points: [],
    json: new Map(),
    requests: 0,
    wait: (find) =>
      new Promise((resolve, reject) => {
        const timer = setTimeout(() => {
          waiting.delete(look)
          const seen = collector.spans.map(({ name }) => name).join(', ')
          reject(new Error(`The collector did not get what it waits for; spans: ${seen}`))
        }, WAIT_MS)
        const look = () => {
          const found = find()
          if (found === undefined) return
          clearTimeout(timer)
          waiting.delete(look)
          resolve(found)
        }
        waiting.add(look)
        look()
      }),
    close: async () => {
      server.close()
      server.closeAllConnections()
      await once(server, 'close')
    },
  }
  const take = async (request: IncomingMessage, response: ServerResponse): Promise<void> => {
    collector.requests += 1
    const chunks: Buffer[] = []
    for await (const chunk of request) chunks.push(chunk)
    if (collector.mood === 'hangs') return
    const body = Buffer.concat(chunks)
    if (collector.mood === 'takes') keep(collector, request, body)
    response.writeHead(collector.mood === 'takes' ? 200 : 503, { 'content-type': 'application/x-protobuf' }).end()
    for (const look of waiting) look()
  }
  return collector
}

function keep(collector: Collector, { url, headers }: IncomingMessage, body: Buffer): void {
  const bytes = headers['content-encoding'] === 'gzip' ? gunzipSync(body) : body
  const type = headers['content-type']
  if (type === 'application/json') return void collector.json.set(url ?? '', JSON.parse(bytes.toString()))
  if (type !== 'application/x-protobuf') throw new Error(`Neither protobuf nor JSON: ${type}`)
  if (url === '/v1/traces') collector.spans.push(...spansIn(bytes))
  if (url === '/v1/logs') collector.records.push(...recordsIn(bytes))
  if (url === '/v1/metrics') collector.points.splice(0, collector.points.length, ...pointsIn(bytes))
}
