import { once } from 'node:events'
// The servers that the RPC services are compared with: `node rpc-reference.ts bare|grpc-js|connect-node` serves flagd's ResolveBoolean of
// version 2 on a free port, with a constant response of the same form, and prints the port.
import http2, { type ServerHttp2Stream } from 'node:http2'
import type { AddressInfo } from 'node:net'
import { create, fromBinary, toBinary } from '@bufbuild/protobuf'
import { connectNodeAdapter } from '@connectrpc/connect-node'
import { Server, ServerCredentials, type ServerUnaryCall, type sendUnaryData } from '@grpc/grpc-js'
import {
  type ResolveBooleanRequest,
  ResolveBooleanRequestSchema,
  type ResolveBooleanResponse,
  ResolveBooleanResponseSchema,
  Service,
} from '../src/grpc/gen/flagd/evaluation/v2/evaluation_pb.js'

const ANSWER = { value: true, variant: 'on', reason: 'TARGETING_MATCH', metadata: {} }
const PATH = `/${Service.typeName}/ResolveBoolean`

/** The smallest gRPC server: node:http2, protobuf-es for both messages, no checks. */
async function bare(): Promise<number> {
  const server = http2.createServer()
  server.on('stream', (stream: ServerHttp2Stream) => {
    const chunks: Buffer[] = []
    stream.on('data', (chunk: Buffer) => chunks.push(chunk))
    stream.on('end', () => {
      const frame = chunks.length === 1 && chunks[0] ? chunks[0] : Buffer.concat(chunks)
      fromBinary(ResolveBooleanRequestSchema, frame.subarray(5))
      const bytes = toBinary(ResolveBooleanResponseSchema, create(ResolveBooleanResponseSchema, ANSWER))
      const answer = Buffer.alloc(5 + bytes.byteLength)
      answer.writeUInt32BE(bytes.byteLength, 1)
      answer.set(bytes, 5)
      stream.respond({ ':status': 200, 'content-type': 'application/grpc' }, { waitForTrailers: true })
      stream.on('wantTrailers', () => stream.sendTrailers({ 'grpc-status': '0' }))
      stream.end(answer)
    })
  })
  return listening(server.listen(0, '127.0.0.1'))
}

async function grpcJs(): Promise<number> {
  const server = new Server()
  const answer = create(ResolveBooleanResponseSchema, ANSWER)
  const resolveBoolean = (
    _: ServerUnaryCall<ResolveBooleanRequest, ResolveBooleanResponse>,
    done: sendUnaryData<ResolveBooleanResponse>,
  ) => done(null, answer)
  const codec = {
    path: PATH,
    requestStream: false,
    responseStream: false,
    requestSerialize: (message: ResolveBooleanRequest) => Buffer.from(toBinary(ResolveBooleanRequestSchema, message)),
    requestDeserialize: (bytes: Buffer) => fromBinary(ResolveBooleanRequestSchema, bytes),
    responseSerialize: (message: ResolveBooleanResponse) =>
      Buffer.from(toBinary(ResolveBooleanResponseSchema, message)),
    responseDeserialize: (bytes: Buffer) => fromBinary(ResolveBooleanResponseSchema, bytes),
  }
  server.addService({ resolveBoolean: codec }, { resolveBoolean })
  return new Promise((resolve, reject) =>
    server.bindAsync('127.0.0.1:0', ServerCredentials.createInsecure(), (error, port) =>
      error ? reject(error) : resolve(port),
    ),
  )
}

async function connectNode(): Promise<number> {
  const routes = connectNodeAdapter({ routes: (router) => router.rpc(Service.method.resolveBoolean, () => ANSWER) })
  return listening(http2.createServer(routes).listen(0, '127.0.0.1'))
}

async function listening(server: http2.Http2Server): Promise<number> {
  await once(server, 'listening')
  return (server.address() as AddressInfo).port
}

const REFERENCES: Readonly<Record<string, () => Promise<number>>> = {
  bare,
  'grpc-js': grpcJs,
  'connect-node': connectNode,
}
const start = REFERENCES[process.argv[2] ?? '']
if (!start) throw new Error(`Cannot serve "${process.argv[2]}": there are ${Object.keys(REFERENCES).join(', ')}`)
console.log(`listening on ${await start()}`)
