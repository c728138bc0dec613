/**
 * The option of node:tls that sends `host` as the server name (SNI), by which a proxy in front of many servers chooses one. Node sends none
 * by itself. An IP address is no name (RFC 6066 §3); the certificate is checked against it all the same.
 */
export function serverNameOf(host: string): { readonly servername?: string } {
  return process.getBuiltinModule('node:net').isIP(host) === 0 ? { servername: host } : {}
}
