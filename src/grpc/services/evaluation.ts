import type { EvaluationDependencies } from '../evaluation-request.ts'
import * as v1 from '../gen/flagd/evaluation/v1/evaluation_pb.js'
import * as v2 from '../gen/flagd/evaluation/v2/evaluation_pb.js'
import * as legacy from '../gen/schema/v1/schema_pb.js'
import { resolver } from '../resolve.ts'
import { resolveAll } from '../resolve-all.ts'
import { type Method, methodsOf, type ServiceOf } from '../service.ts'
import { type EventDependencies, eventStream } from './event-stream.ts'

/** `flagd.evaluation.v1` and `v2`, and v1 under its old name `schema.v1`: flags by type, one by one, and what changed. */
export function evaluationMethods(
  dependencies: EvaluationDependencies & EventDependencies,
): [path: string, method: Method][] {
  const first: ServiceOf<typeof v1.Service> = {
    resolveAll: (request, call) => resolveAll(dependencies, request, call),
    resolveBoolean: resolver(dependencies, { version: 'v1', type: 'boolean', answer: v1.ResolveBooleanResponseSchema }),
    resolveString: resolver(dependencies, { version: 'v1', type: 'string', answer: v1.ResolveStringResponseSchema }),
    resolveFloat: resolver(dependencies, { version: 'v1', type: 'number', answer: v1.ResolveFloatResponseSchema }),
    resolveInt: resolver(dependencies, { version: 'v1', type: 'integer', answer: v1.ResolveIntResponseSchema }),
    resolveObject: resolver(dependencies, { version: 'v1', type: 'object', answer: v1.ResolveObjectResponseSchema }),
    eventStream: eventStream(dependencies, v1.EventStreamResponseSchema),
  }
  return [
    ...methodsOf(v1.Service, first),
    ...methodsOf(v2.Service, {
      resolveBoolean: resolver(dependencies, {
        version: 'v2',
        type: 'boolean',
        answer: v2.ResolveBooleanResponseSchema,
      }),
      resolveString: resolver(dependencies, { version: 'v2', type: 'string', answer: v2.ResolveStringResponseSchema }),
      resolveFloat: resolver(dependencies, { version: 'v2', type: 'number', answer: v2.ResolveFloatResponseSchema }),
      resolveInt: resolver(dependencies, { version: 'v2', type: 'integer', answer: v2.ResolveIntResponseSchema }),
      resolveObject: resolver(dependencies, { version: 'v2', type: 'object', answer: v2.ResolveObjectResponseSchema }),
      eventStream: eventStream(dependencies, v2.EventStreamResponseSchema),
    }),
    ...methodsOf(legacy.Service, first),
  ]
}
