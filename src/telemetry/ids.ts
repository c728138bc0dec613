const WORD = 2 ** 32

/** 32 hex digits. The last 16 say where in 0 up to 1 the trace lies, by which every sampler of one ratio decides alike. */
export function traceIdAt(share: number): string {
  const place = share * WORD
  return `${hex(Math.random() * WORD)}${hex(Math.random() * WORD)}${hex(place)}${hex((place % 1) * WORD || 1)}`
}

/** Where in 0 up to 1 a trace lies: OpenTelemetry's samplers for Go and Java read it from the same half. */
export const shareOf = (traceId: string): number => Number.parseInt(traceId.slice(16, 29), 16) / 2 ** 52

/** 16 hex digits, of which not all are 0. */
export const newSpanId = (): string => `${hex(Math.random() * WORD)}${hex(Math.random() * (WORD - 1) + 1)}`

const hex = (word: number): string => Math.floor(word).toString(16).padStart(8, '0')
