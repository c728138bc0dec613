import { RpcError, Status } from './status.ts'

const UNIT_MS: Readonly<Record<string, number>> = { H: 3_600_000, M: 60_000, S: 1_000, m: 1, u: 0.001, n: 0.000_001 }
/** The longest that a timer can wait; some 25 days. */
const TIMER_MS_MAX = 2 ** 31 - 1

/** Milliseconds that `grpc-timeout` allows a call; undefined: as long as it likes. Throws `RpcError` for what is no time. */
export function timeoutMs(header: string | null): number | undefined {
  if (header === null) return undefined
  const [, digits, unit = ''] = /^(\d{1,8})([HMSmun])$/.exec(header) ?? []
  if (digits === undefined) throw new RpcError(Status.invalidArgument, 'grpc-timeout is no time')
  return Math.min(Number(digits) * (UNIT_MS[unit] ?? 0), TIMER_MS_MAX)
}
