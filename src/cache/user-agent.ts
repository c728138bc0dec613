const PRODUCTS_MAX = 3
const LENGTH_MAX = 64

/**
 * The products of a User-Agent header (RFC 9110 §10.1.5), such as "grpc-go/1.80.0", without comments: at most three, 64 characters in all.
 * Empty if there is none. Clients choose the header, so only printable ASCII is kept.
 */
export function agentOf(userAgent: string | null): string {
  const products =
    (userAgent ?? '')
      .slice(0, 1_000)
      .replaceAll(/\([^)]*\)?/g, ' ')
      .match(/(?<![^\s)])[\w!#$%&'*+.^`|~-]+(?:\/[\w!#$%&'*+.^`|~-]+)?/g) ?? []
  return products.slice(0, PRODUCTS_MAX).join(' ').slice(0, LENGTH_MAX)
}
