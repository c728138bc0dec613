/**
 * Names the Redis at `url` in the TLS handshake, by which a proxy that many share knows who is meant: Bun does so by itself,
 * Node only when told. Undefined without TLS, and for an IP address, which is no name (RFC 6066 §3).
 */
export function tlsOf(url: string): { readonly tls: true; readonly servername: string } | undefined {
  const { protocol, hostname } = new URL(url)
  const isAddress = hostname.startsWith('[') || process.getBuiltinModule('node:net').isIP(hostname) !== 0
  return protocol === 'rediss:' && !isAddress ? { tls: true, servername: hostname } : undefined
}
