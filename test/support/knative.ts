import { kill, type Runtime, runProgram } from './process.ts'
import { eventsOf, type NextEvent } from './program-events.ts'

/** Knative's behaviour, from the source of knative/serving and observed in its programs; tests shorten the long times. */
export type KnativeOptions = {
  readonly env: Record<string, string>
  readonly runtime: Runtime
  /** The program of the app. */
  readonly file: string
  /** A revision scales to zero after this long without a request (stable window: 60 s). */
  readonly idleMs: number
  /** How long the ingress still sends to a terminating replica; below `quietMs`. */
  readonly lagMs: number
  /** SIGTERM is sent after a terminating replica had no request for this long (30 s); each request restarts the time. */
  readonly quietMs: number
  /** Time limit of a request, including streams (timeoutSeconds: 300 s). */
  readonly timeoutMs: number
}
/** An event: a replica was started, receives requests, is terminating, was sent SIGTERM, has ended. */
export type KnativeEvent =
  | { readonly what: 'listening'; readonly port: number; readonly h2cPort: number }
  | { readonly what: 'started' | 'ready' | 'draining' | 'terminating' }
  | { readonly what: 'ended'; readonly code: number | null; readonly output: string }

export type Knative = {
  /** HTTP/1.1. */
  readonly address: string
  /** HTTP/2 without TLS, passed to the app unchanged. */
  readonly h2cPort: number
  readonly next: NextEvent<KnativeEvent>
  close(): Promise<void>
}

const EVENT_MS = 30_000

/** Starts the stand-in for Knative without a replica. */
export async function startKnative(options: KnativeOptions): Promise<Knative> {
  const program = runProgram('test/support/queue-proxy.ts', {}, { runtime: 'node', args: [JSON.stringify(options)] })
  const next = eventsOf<KnativeEvent>(program)
  const { port, h2cPort } = await next('listening')
  return {
    address: `http://127.0.0.1:${port}`,
    h2cPort,
    next,
    close: async () => {
      program.child.kill('SIGTERM') // it stops its replicas
      const late = setTimeout(() => void kill(program), EVENT_MS)
      await program.ended
      clearTimeout(late)
    },
  }
}
