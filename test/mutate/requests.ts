import * as v1 from '../../src/grpc/gen/flagd/evaluation/v1/evaluation_pb.js'
import * as v2 from '../../src/grpc/gen/flagd/evaluation/v2/evaluation_pb.js'
import * as sync from '../../src/grpc/gen/flagd/sync/v1/sync_pb.js'
import * as health from '../../src/grpc/gen/grpc/health/v1/health_pb.js'
import * as php from '../../src/grpc/gen/schema/v1/schema_pb.js'

/** One valid request. `body` undefined: none. */
export type Template = {
  readonly method: string
  readonly path: string
  readonly headers: readonly (readonly [name: string, value: string])[]
  readonly body?: string | undefined
}

/** Keys of the running service that valid requests need. */
export type Secrets = {
  readonly admin: string
  readonly client: string
  readonly server: string
  readonly streamPath: string
}

/** Paths of every method over Connect and gRPC-Web. */
const SERVICE_METHODS: readonly string[] = [
  v1.Service,
  v2.Service,
  php.Service,
  sync.FlagSyncService,
  health.Health,
].flatMap(({ typeName, methods }) => methods.map(({ name }) => `/${typeName}/${name}`))

const CONTENT_TYPES = ['application/json', 'application/connect+json', 'application/grpc-web+proto'] as const

/** Requests write to this project; evaluations that are checked use another. */
const PROJECT = '/api/v1/projects/scratch'
const ENVIRONMENT = `${PROJECT}/environments/test`
const FLAG = { state: 'ENABLED', variants: { on: true, off: false }, defaultVariant: 'on' }
const CONTEXT = { context: { targetingKey: 'ada', email: 'ada@example.com', age: 36 } }
const NO_ID = '00000000-0000-0000-0000-000000000000'

const MANAGEMENT: readonly (readonly [method: string, path: string, body?: object])[] = [
  ['POST', '/api/v1/projects', { key: 'scratch', name: 'Grüße' }],
  ['GET', '/api/v1/projects?limit=1&after=a'],
  ['GET', PROJECT],
  ['PATCH', PROJECT, { description: 'changed' }],
  ['POST', `${PROJECT}/environments`, { key: 'test' }],
  ['GET', `${PROJECT}/environments`],
  ['GET', ENVIRONMENT],
  ['PATCH', ENVIRONMENT, { name: 'Test' }],
  ['POST', `${PROJECT}/flags`, { key: 'on', type: 'boolean' }],
  ['GET', `${PROJECT}/flags`],
  ['GET', `${PROJECT}/flags/on`],
  ['PATCH', `${PROJECT}/flags/on`, { owner: 'ada', tags: ['a'] }],
  ['PUT', `${ENVIRONMENT}/flags/on`, FLAG],
  ['PATCH', `${ENVIRONMENT}/flags/on`, { defaultVariant: 'off' }],
  ['GET', `${ENVIRONMENT}/flags?limit=2`],
  ['GET', `${ENVIRONMENT}/flags/on`],
  ['GET', `${ENVIRONMENT}/flags/on/history`],
  ['GET', `${ENVIRONMENT}/flags/on/usage?from=2026-01-01T00:00:00Z`],
  ['POST', `${ENVIRONMENT}/flags/on/rollback`, { revision: 1 }],
  ['PUT', `${ENVIRONMENT}/flagset?dryRun=true&prune=true`, { flags: { on: FLAG }, $evaluators: { a: { var: 'age' } } }],
  ['PUT', `${ENVIRONMENT}/flagset?comment=applied`, { flags: { on: FLAG, more: FLAG } }],
  ['GET', `${ENVIRONMENT}/flagset?portable=false`],
  ['GET', `${ENVIRONMENT}/problems`],
  ['GET', '/api/v1/changes?project=scratch&limit=3'],
  ['GET', '/api/v1/keys?limit=1'],
  ['DELETE', `/api/v1/keys/${NO_ID}`],
  ['DELETE', `${ENVIRONMENT}/flags/more`],
  ['DELETE', ENVIRONMENT],
  ['DELETE', PROJECT],
]
const PUBLIC = [
  '/livez',
  '/readyz',
  '/startupz',
  '/health',
  '/ready',
  '/metrics',
  '/openapi.json',
  '/docs',
  '/',
  '/nowhere',
]

/** Requests to every kind of route; evaluations, the most frequent ones, are repeated. */
export function requestsFor({ admin, client, server, streamPath }: Secrets): readonly Template[] {
  const json = (key: string) =>
    [
      ['Authorization', `Bearer ${key}`],
      ['Content-Type', 'application/json'],
    ] as const
  const evaluations: Template[] = [
    { method: 'POST', path: '/ofrep/v1/evaluate/flags/on', headers: json(client), body: JSON.stringify(CONTEXT) },
    { method: 'POST', path: '/ofrep/v1/evaluate/flags/rule', headers: json(client), body: JSON.stringify(CONTEXT) },
    { method: 'POST', path: '/ofrep/v1/evaluate/flags/none', headers: json(client), body: '{}' },
    { method: 'POST', path: '/ofrep/v1/evaluate/flags', headers: json(client), body: JSON.stringify(CONTEXT) },
    {
      method: 'POST',
      path: '/ofrep/v1/evaluate/flags',
      headers: [...json(server), ['If-None-Match', '"a"'], ['X-API-Key', client]],
      body: JSON.stringify(CONTEXT),
    },
  ]
  return [
    ...[1, 2, 3, 4].flatMap(() => evaluations),
    ...MANAGEMENT.map(([method, path, body]) => ({
      method,
      path,
      headers: json(admin),
      body: body && JSON.stringify(body),
    })),
    ...PUBLIC.map((path) => ({ method: 'GET', path, headers: [['Accept-Encoding', 'gzip']] as const })),
    { method: 'OPTIONS', path: '/ofrep/v1/evaluate/flags/on', headers: [['Origin', 'https://example.com']] },
    { method: 'HEAD', path: '/livez', headers: [] },
    { method: 'GET', path: streamPath, headers: [['Accept', 'text/event-stream']] },
    { method: 'GET', path: '/v1/flags', headers: json(server) },
    { method: 'GET', path: '/v1/flags/flagSetId%3Dkeep%2Ftest', headers: json(admin) },
    ...SERVICE_METHODS.flatMap((path) =>
      CONTENT_TYPES.map((type) => ({
        method: 'POST',
        path,
        headers: [
          ['Authorization', `Bearer ${client}`],
          ['Content-Type', type],
        ] as const,
        body: '{"flagKey":"on","context":{}}',
      })),
    ),
  ]
}
