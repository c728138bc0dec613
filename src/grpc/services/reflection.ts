import { create, createRegistry, type DescFile, type MessageInitShape, toBinary } from '@bufbuild/protobuf'
import { FileDescriptorProtoSchema } from '@bufbuild/protobuf/wkt'
import {
  file_grpc_reflection_v1_reflection,
  ServerReflection,
  type ServerReflectionRequest,
  ServerReflectionResponseSchema,
} from '../gen/grpc/reflection/v1/reflection_pb.js'
import { type Method, methodsOf } from '../service.ts'
import { Status } from '../status.ts'

type Answer = NonNullable<MessageInitShape<typeof ServerReflectionResponseSchema>['messageResponse']>
/** What can be asked for, by the names that it is asked by. */
type Catalogue = {
  readonly services: readonly string[]
  readonly fileNamed: (name: string) => DescFile | undefined
  readonly fileWith: (symbol: string) => DescFile | undefined
}

/** Questions that one stream may ask; no client needs more, and each costs an answer. */
const QUESTIONS_MAX = 1_000

/** `grpc.reflection.v1` over the services of `files`, so that grpcurl and its like need no .proto file. */
export function reflectionMethods(files: readonly DescFile[]): [path: string, method: Method][] {
  const catalogue = catalogueOf(closureOf([...files, file_grpc_reflection_v1_reflection]))
  return methodsOf(ServerReflection, {
    serverReflectionInfo: async function* (requests) {
      let questions = 0
      for await (const request of requests) {
        questions += 1
        if (questions > QUESTIONS_MAX) return
        const messageResponse = answer(catalogue, request)
        yield create(ServerReflectionResponseSchema, {
          validHost: request.host,
          originalRequest: request,
          messageResponse,
        })
      }
    },
  })
}

function answer({ services, fileNamed, fileWith }: Catalogue, { messageRequest }: ServerReflectionRequest): Answer {
  switch (messageRequest.case) {
    case 'listServices':
      return { case: 'listServicesResponse', value: { service: services.map((name) => ({ name })) } }
    case 'fileByFilename':
      return descriptor(fileNamed(messageRequest.value))
    case 'fileContainingSymbol':
      return descriptor(fileWith(messageRequest.value))
    case 'fileContainingExtension':
    case 'allExtensionNumbersOfType':
      return refusal(Status.notFound, 'There are no extensions')
    default:
      return refusal(Status.invalidArgument, 'The request asks nothing')
  }
}

/** The file with all that it imports, so that the client need not ask again. */
function descriptor(file: DescFile | undefined): Answer {
  if (file === undefined) return refusal(Status.notFound, 'There is no such file or symbol')
  const fileDescriptorProto = closureOf([file]).map(({ proto }) => toBinary(FileDescriptorProtoSchema, proto))
  return { case: 'fileDescriptorResponse', value: { fileDescriptorProto } }
}

const refusal = (errorCode: Status, errorMessage: string): Answer => ({
  case: 'errorResponse',
  value: { errorCode, errorMessage },
})

function catalogueOf(files: readonly DescFile[]): Catalogue {
  const registry = createRegistry(...files)
  const names = new Map(files.map((file) => [file.proto.name, file]))
  // A symbol may also be a method or a field: then the type before its last dot is the one that a file defines.
  const typeOf = (symbol: string) => registry.get(symbol) ?? registry.get(symbol.slice(0, symbol.lastIndexOf('.')))
  return {
    services: files.flatMap((file) => file.services.map(({ typeName }) => typeName)).sort(),
    fileNamed: (name) => names.get(name),
    fileWith: (symbol) => typeOf(symbol)?.file,
  }
}

function closureOf(files: readonly DescFile[]): DescFile[] {
  const all = new Set(files)
  for (const file of all) for (const imported of file.dependencies) all.add(imported)
  return [...all]
}
