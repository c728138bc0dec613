import { integer, origins, text, type Values } from './variables.ts'

const isPem = (pem: string) => pem.includes('-----BEGIN ')

/** Where the service listens, and how much it takes on. */
export const HTTP_VARIABLES = {
  PORT: integer(8080, 0, 65_535),
  HOST: text(undefined, ({ length }) => length <= 253, 'expected at most 253 characters'),
  GRPC_PORT: { ...integer(0, 0, 65_535), unset: undefined },
  METRICS_PORT: { ...integer(0, 0, 65_535), unset: undefined },
  TLS_CERT: text(undefined, isPem, 'expected certificates in PEM format'),
  TLS_KEY: text(undefined, isPem, 'expected a key in PEM format'),
  CORS_ORIGINS: origins,
  DRAIN_SECONDS: integer(8, 1, 3_600),
  DRAIN_DELAY_SECONDS: integer(0, 0, 1_800),
  BODY_BYTES_MAX: integer(1_000_000, 1_000, 16_000_000),
  REQUESTS_MAX: integer(2_000, 0, 1_000_000),
  LOOP_DELAY_MS_MAX: integer(200, 0, 60_000),
}
type Read = Values<typeof HTTP_VARIABLES>

export type HttpConfig = {
  readonly port: number
  readonly host: string
  /** Undefined: the runtime's choice. */
  readonly grpcPort: number | undefined
  /** Where `/metrics` is served instead of at `port`; undefined: at `port`. */
  readonly metricsPort: number | undefined
  /** PEM texts; undefined: cleartext, as behind a platform that ends TLS. */
  readonly tls: { readonly cert: string; readonly key: string } | undefined
  /** Origins whose pages may evaluate; undefined: all. */
  readonly corsOrigins: readonly string[] | undefined
  readonly drainSeconds: number
  /** How long requests are still accepted after the stop signal, because load balancers learn of it late. */
  readonly drainDelaySeconds: number
  readonly bodyBytesMax: number
  /** Under way at once; 0: any number. */
  readonly requestsMax: number
  /** How late the event loop may be; 0: as late as it is. */
  readonly loopDelayMsMax: number
}

const TRIAL_HOST = '127.0.0.1'

export function httpOf(read: Read, isTrial: boolean, mistakes: string[]): HttpConfig {
  if (isTrial && read.HOST !== undefined && read.HOST !== TRIAL_HOST)
    mistakes.push(`HOST: trial mode answers on ${TRIAL_HOST} only; set DATABASE_URL to serve others`)
  const ports = [read.PORT, read.GRPC_PORT, read.METRICS_PORT].filter((port) => port !== undefined && port !== 0)
  if (read.METRICS_PORT !== undefined && ports.indexOf(read.METRICS_PORT) < ports.length - 1)
    mistakes.push('METRICS_PORT: expected another port than PORT and GRPC_PORT')
  if (read.DRAIN_DELAY_SECONDS > read.DRAIN_SECONDS / 2)
    mistakes.push('DRAIN_DELAY_SECONDS: expected at most half of DRAIN_SECONDS, of which it is a part')
  return {
    port: read.PORT,
    host: read.HOST ?? (isTrial ? TRIAL_HOST : '0.0.0.0'),
    grpcPort: read.GRPC_PORT,
    metricsPort: read.METRICS_PORT,
    tls: tlsOf(read),
    corsOrigins: read.CORS_ORIGINS,
    drainSeconds: read.DRAIN_SECONDS,
    drainDelaySeconds: read.DRAIN_DELAY_SECONDS,
    bodyBytesMax: read.BODY_BYTES_MAX,
    requestsMax: read.REQUESTS_MAX,
    loopDelayMsMax: read.LOOP_DELAY_MS_MAX,
  }
}

/** A certificate without its key, or the reverse. A file that cannot be read is a mistake of its own. */
export function tlsMistakes(env: Readonly<Record<string, string | undefined>>): string[] {
  const isGiven = (name: string) => Boolean(env[name] || env[`${name}_FILE`])
  return isGiven('TLS_CERT') === isGiven('TLS_KEY') ? [] : ['TLS_CERT_FILE and TLS_KEY_FILE: set both or neither']
}

function tlsOf({ TLS_CERT: cert, TLS_KEY: key }: Read): HttpConfig['tls'] {
  return cert !== undefined && key !== undefined ? { cert, key } : undefined
}
