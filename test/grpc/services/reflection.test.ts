import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { create, fromBinary, type MessageInitShape, toBinary } from '@bufbuild/protobuf'
import { FileDescriptorProtoSchema } from '@bufbuild/protobuf/wkt'
import { Client, credentials, Metadata } from '@grpc/grpc-js'
import {
  ServerReflection,
  type ServerReflectionRequestSchema,
  type ServerReflectionResponse,
} from '../../../src/grpc/gen/grpc/reflection/v1/reflection_pb.js'
import { type Listening, openListening } from '../../support/listening.ts'

let it: Listening
before(async () => {
  it = await openListening()
})
after(() => it.close())

/** Sends each request on one stream after the response to the previous one. */
async function reflect(questions: MessageInitShape<typeof ServerReflectionRequestSchema>[]) {
  const { name, input, output } = ServerReflection.method.serverReflectionInfo
  const client = new Client(`127.0.0.1:${it.grpcPort}`, credentials.createInsecure())
  const write = (request: (typeof questions)[number]) => Buffer.from(toBinary(input, create(input, request)))
  const read = (bytes: Buffer) => fromBinary(output, bytes)
  const stream = client.makeBidiStreamRequest(`/${ServerReflection.typeName}/${name}`, write, read, new Metadata())
  const answers: ServerReflectionResponse['messageResponse'][] = []
  const next = () => (answers.length < questions.length ? stream.write(questions[answers.length] ?? {}) : stream.end())
  const ended = new Promise<number>((resolve) => stream.on('status', ({ code }) => resolve(code)))
  stream.on('error', () => undefined)
  stream.on('data', ({ messageResponse }: ServerReflectionResponse) => {
    answers.push(messageResponse)
    next()
  })
  next()
  const status = await ended
  client.close()
  return { answers, status }
}

for (const [protocol, type] of [
  ['Connect', 'application/connect+json'],
  ['Connect, unary', 'application/json'],
  ['gRPC-Web', 'application/grpc-web+proto'],
])
  test(`reflection is not served over ${protocol}: the response is that of an unknown method`, async () => {
    const answerTo = async (method: string) => {
      const init = { method: 'POST', headers: { 'content-type': type }, body: '' }
      const { status, headers } = await fetch(`${it.address}/${ServerReflection.typeName}/${method}`, init)
      return [status, headers.get('content-type'), headers.get('grpc-status')]
    }
    const answer = await answerTo(ServerReflection.method.serverReflectionInfo.name)
    assert.equal(answer[0], 404)
    assert.deepEqual(answer, await answerTo('None'))
  })

const filesOf = (answer: ServerReflectionResponse['messageResponse'] | undefined): string[] =>
  answer?.case === 'fileDescriptorResponse'
    ? answer.value.fileDescriptorProto.map((bytes) => fromBinary(FileDescriptorProtoSchema, bytes).name)
    : []

test('reflection lists services, and the files of symbols with all their imports', async () => {
  const { answers, status } = await reflect([
    { messageRequest: { case: 'listServices', value: '' } },
    { messageRequest: { case: 'fileContainingSymbol', value: 'flagd.evaluation.v2.Service' } },
    { messageRequest: { case: 'fileContainingSymbol', value: 'flagd.sync.v1.FlagSyncService.SyncFlags' } },
    { messageRequest: { case: 'fileContainingSymbol', value: 'flagd.evaluation.v1.AnyFlag' } },
    { messageRequest: { case: 'fileByFilename', value: 'grpc/health/v1/health.proto' } },
  ])
  assert.equal(status, 0)
  const [services, ...files] = answers
  assert.deepEqual(services?.case === 'listServicesResponse' && services.value.service.map(({ name }) => name), [
    'flagd.evaluation.v1.Service',
    'flagd.evaluation.v2.Service',
    'flagd.sync.v1.FlagSyncService',
    'grpc.health.v1.Health',
    'grpc.reflection.v1.ServerReflection',
    'schema.v1.Service',
  ])
  const struct = 'google/protobuf/struct.proto'
  assert.deepEqual(files.map(filesOf), [
    ['flagd/evaluation/v2/evaluation.proto', struct],
    ['flagd/sync/v1/sync.proto', struct],
    ['flagd/evaluation/v1/evaluation.proto', struct],
    ['grpc/health/v1/health.proto'],
  ])
})

test('an unknown symbol or file is an error in the response, and the stream continues', async () => {
  const { answers, status } = await reflect([
    { messageRequest: { case: 'fileContainingSymbol', value: 'no.such.Thing' } },
    { messageRequest: { case: 'fileByFilename', value: '../../etc/passwd' } },
    { messageRequest: { case: 'allExtensionNumbersOfType', value: 'flagd.evaluation.v1.AnyFlag' } },
    {},
  ])
  assert.equal(status, 0)
  assert.deepEqual(
    answers.map((answer) => answer?.case === 'errorResponse' && answer.value.errorCode),
    [5, 5, 5, 3],
  )
})
