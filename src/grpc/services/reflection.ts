import { create, createRegistry, type DescFile, type MessageInitShape, toBinary } from '@bufbuild/protobuf'
import { FileDescriptorProtoSchema } from '@bufbuild/protobuf/wkt'
import {
  file_grpc_reflection_v1_reflection,
  ServerReflection,
  type ServerReflectionRequest,
  ServerReflectionResponseSchema,
} from '../gen/grpc/reflection/v1/reflection_pb.js'
import { type MethodEntry, methodsOf, StatusCode } from '../service.ts'

type ReflectionResponse = NonNullable<MessageInitShape<typeof ServerReflectionResponseSchema>['messageResponse']>
type DescriptorIndex = ReturnType<typeof indexOf>

/** Requests of one stream: more than any client needs. */
const REQUESTS_MAX = 1_000

/** `grpc.reflection.v1` for the services of `files`: clients such as grpcurl need no .proto file. */
export function reflectionMethods(files: readonly DescFile[]): MethodEntry[] {
  const index = indexOf(withImports([...files, file_grpc_reflection_v1_reflection]))
  return methodsOf(ServerReflection, {
    serverReflectionInfo: async function* (requests) {
      let count = 0
      for await (const request of requests) {
        count += 1
        if (count > REQUESTS_MAX) return
        const response = { validHost: request.host, originalRequest: request }
        yield create(ServerReflectionResponseSchema, { ...response, messageResponse: respond(index, request) })
      }
    },
  })
}

function respond(index: DescriptorIndex, { messageRequest }: ServerReflectionRequest): ReflectionResponse {
  switch (messageRequest.case) {
    case 'listServices':
      return { case: 'listServicesResponse', value: { service: index.services.map((name) => ({ name })) } }
    case 'fileByFilename':
      return descriptors(index.fileByName(messageRequest.value))
    case 'fileContainingSymbol':
      return descriptors(index.fileBySymbol(messageRequest.value))
    case 'fileContainingExtension':
    case 'allExtensionNumbersOfType':
      return errorResponse(StatusCode.notFound, 'There are no extensions')
    default:
      return errorResponse(StatusCode.invalidArgument, 'The request is empty')
  }
}

/** The file and all its imports, so that a client needs one request. */
function descriptors(file: DescFile | undefined): ReflectionResponse {
  if (file === undefined) return errorResponse(StatusCode.notFound, 'Unknown file or symbol')
  const fileDescriptorProto = withImports([file]).map(({ proto }) => toBinary(FileDescriptorProtoSchema, proto))
  return { case: 'fileDescriptorResponse', value: { fileDescriptorProto } }
}

const errorResponse = (errorCode: StatusCode, errorMessage: string): ReflectionResponse => ({
  case: 'errorResponse',
  value: { errorCode, errorMessage },
})

function indexOf(files: readonly DescFile[]) {
  const registry = createRegistry(...files)
  const byName = new Map(files.map((file) => [file.proto.name, file]))
  // A method or a field is not in the registry: its file is the file of its parent.
  const typeOf = (symbol: string) => registry.get(symbol) ?? registry.get(symbol.slice(0, symbol.lastIndexOf('.')))
  return {
    services: files.flatMap((file) => file.services.map(({ typeName }) => typeName)).sort(),
    fileByName: (name: string) => byName.get(name),
    fileBySymbol: (symbol: string) => typeOf(symbol)?.file,
  }
}

function withImports(files: readonly DescFile[]): DescFile[] {
  const all = new Set(files)
  for (const file of all) for (const imported of file.dependencies) all.add(imported)
  return [...all]
}
