import type { Context } from './definition.ts'

/** Adds what the operator knows to what the caller says. */
export type Enrich = (context: Context) => Context

/** Lays static values over each context: a caller cannot say otherwise. */
export function enrichWith(values: Context): Enrich {
  return Object.keys(values).length === 0 ? (context) => context : (context) => ({ ...context, ...values })
}
