import { listen } from '../../src/server/listen.ts'
import type { ListenOptions, Server } from '../../src/server/server.ts'
import { GrpcClient, type GrpcOptions } from './grpc.ts'
import { ADMIN_KEY, openService, type Service, type ServiceOptions } from './service.ts'

export type Listening = {
  readonly service: Service
  readonly server: Server
  /** HTTP/1.1. */
  readonly address: string
  /** HTTP/2 and gRPC. */
  readonly grpcPort: number
  /** A client with the admin key, unless `options` contain another; closed with the service. */
  client(options?: GrpcOptions): GrpcClient
  /** Creates a project with one environment, `<project>/test`, and a key of each role for it. */
  environment(project: string): Promise<{ flagSetId: string; path: string; clientKey: string; serverKey: string }>
  close(): Promise<void>
}

/** All routes with a real database, on real sockets of this process. */
export async function openListening(
  options: ServiceOptions & { readonly listen?: Partial<ListenOptions> } = {},
): Promise<Listening> {
  const service = await openService(options)
  const { fetch, rpc } = service
  const { takeStream } = rpc
  const at = { host: '127.0.0.1', port: 0, bodyBytesMax: 1_000_000 }
  const server = await listen({ fetch, takeStream, ...at, ...options.listen })
  const { port, grpcPort = 0 } = server
  const clients: GrpcClient[] = []
  return {
    service,
    server,
    address: `http://127.0.0.1:${port}`,
    grpcPort,
    client: (grpcOptions = { key: ADMIN_KEY }) => {
      const client = new GrpcClient(grpcPort, grpcOptions)
      clients.push(client)
      return client
    },
    environment: async (project) => {
      const environment = { project, environment: 'test' }
      await service.call('POST', '/api/v1/projects', { body: { key: project } })
      await service.call('POST', `/api/v1/projects/${project}/environments`, { body: { key: 'test' } })
      const key = async (role: string): Promise<string> =>
        (await service.call('POST', '/api/v1/keys', { body: { name: `${project} ${role}`, role, environment } })).body
          .secret
      const path = `/api/v1/projects/${project}/environments/test`
      return { flagSetId: `${project}/test`, path, clientKey: await key('client'), serverKey: await key('server') }
    },
    close: async () => {
      rpc.endStreams()
      service.streams.endStreams()
      for (const client of clients) client.close()
      await server.close(AbortSignal.timeout(1_000))
      await service.close()
    },
  }
}
