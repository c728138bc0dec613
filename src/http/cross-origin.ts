import type { Header } from './exchange.ts'

/** What a page of another origin may read of an answer, beside what every page may. */
export const RESPONSE_HEADERS = ['ETag', 'Retry-After', 'Last-Modified']

/** What `crossOrigin` adds to an answer to a page of `origin`, for answers that do not pass through it. */
export function originHeaders(
  origins: readonly string[] | undefined,
): (origin: string | null | undefined) => Readonly<Record<string, string>> {
  const exposed = { 'access-control-expose-headers': RESPONSE_HEADERS.join(',') }
  if (origins === undefined) return () => ({ 'access-control-allow-origin': '*', ...exposed })
  return (origin) => ({
    vary: 'Origin',
    ...(origin && origins.includes(origin) && { 'access-control-allow-origin': origin }),
    ...exposed,
  })
}

/** What `make` makes of the headers for each origin, beforehand. */
export function madeForOrigins<T>(
  origins: readonly string[] | undefined,
  make: (headers: Readonly<Record<string, string>>) => T,
): (header: Header) => T {
  const of = originHeaders(origins)
  const others = make(of(null))
  if (origins === undefined) return () => others
  const known = new Map(origins.map((origin) => [origin, make(of(origin))]))
  return (header) => known.get(header.get('origin') ?? '') ?? others
}
