import type { DescMessage, MessageShape } from '@bufbuild/protobuf'
import type { Tally, Timing } from '../telemetry/tally.ts'
import type { Call, Method, ServerStream, Unary } from './method.ts'
import { Status, statusOf } from './status.ts'

/** Calls by method, `<package>.<service>/<method>`, and the name of their status. */
export type RpcTimings = Tally<readonly ['method', 'code'], Timing>
/** Notes a call of one method that began at `start` (monotonic milliseconds). */
type Note = (status: Status, start: number) => void

/** gRPC's own names. */
const NAMES = new Map<Status, string>(
  Object.entries(Status).map(([name, status]) => [status, name.replace(/[A-Z]/g, '_$&').toUpperCase()]),
)

/**
 * The same methods, each call timed whatever protocol it comes by: until its answer, or until a stream is over. What never reaches a
 * method, such as a broken message, is no call.
 */
export function timedMethods(methods: Iterable<[path: string, Method]>, timings: RpcTimings): [string, Method][] {
  return Array.from(methods, ([path, method]) => [path, timedMethod(method, noteOf(path, timings))])
}

/** Keeps the cell of each status, so that a call makes nothing to be counted. */
function noteOf(path: string, timings: RpcTimings): Note {
  const cells: Timing[] = []
  return (status, start) => {
    const cell = cells[status] ?? timings.of(path.slice(1), NAMES.get(status) ?? '')
    cells[status] = cell
    cell.add((performance.now() - start) / 1_000)
  }
}

function timedMethod(method: Method, note: Note): Method {
  if (method.kind === 'unary') return { ...method, answer: timedUnary(method.answer, note) }
  if (method.kind === 'server_streaming') return { ...method, answer: timedStream(method.answer, note) }
  return { ...method, answer: timedStream(method.answer, note) }
}

/** An answer that needs no waiting still needs none. */
function timedUnary(answer: Unary<DescMessage, DescMessage>, note: Note): Unary<DescMessage, DescMessage> {
  return (request, call) => {
    const start = performance.now()
    const failed = (error: unknown): never => {
      note(statusOf(error), start)
      throw error
    }
    const answered = (message: MessageShape<DescMessage>) => {
      note(Status.ok, start)
      return message
    }
    try {
      const message = answer(request, call)
      return message instanceof Promise ? message.then(answered, failed) : answered(message)
    } catch (error) {
      return failed(error)
    }
  }
}

type Streaming<R> = (requests: R, call: Call) => ReturnType<ServerStream<DescMessage, DescMessage>>

function timedStream<R>(answer: Streaming<R>, note: Note): Streaming<R> {
  return async function* (requests, call) {
    const start = performance.now()
    let status: Status = Status.cancelled // nobody reads on
    try {
      yield* answer(requests, call)
      status = Status.ok
    } catch (error) {
      status = statusOf(error)
      throw error
    } finally {
      note(status, start)
    }
  }
}
