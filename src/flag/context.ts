import type { Context } from './definition.ts'

/** Adds what the operator knows to what the caller says. */
export type Enrich = (context: Context) => Context

/**
 * Whether every number in a context is one. JSON has numbers such as 1e400 that are beyond a double, and become Infinity when they are
 * parsed; a protobuf Struct can hold NaN. No recursion, so that depth cannot overflow the stack.
 */
export function isFiniteContext(context: Context): boolean {
  const pending: object[] = [context]
  for (let object = pending.pop(); object !== undefined; object = pending.pop())
    for (const value of Object.values(object)) {
      if (typeof value === 'number' && !Number.isFinite(value)) return false
      if (typeof value === 'object' && value !== null) pending.push(value)
    }
  return true
}

/** Lays static values over each context: a caller cannot say otherwise. */
export function enrichWith(values: Context): Enrich {
  return Object.keys(values).length === 0 ? (context) => context : (context) => ({ ...context, ...values })
}
