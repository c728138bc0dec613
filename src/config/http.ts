import { integer, oneOf, origins, text, type VariableValues } from './variables.ts'

const isPem = (pem: string) => pem.includes('-----BEGIN ')

const isPublicPath = (path: string) => path.length <= 200 && /^(?:\/[\w~-][\w.~-]*)+$/.test(path)

/** Where the service listens, and its limits. */
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
  REQUESTS_MAX: integer(250, 0, 1_000_000),
  FLAGSTAFF_CONSOLE: oneOf('on', ['on', 'off']),
  FLAGSTAFF_PUBLIC_PATH: text('', isPublicPath, 'expected a path such as /flags, without a slash at the end'),
}
type HttpValues = VariableValues<typeof HTTP_VARIABLES>

export type HttpConfig = {
  readonly port: number
  readonly host: string
  /** Undefined: the default of the runtime. */
  readonly grpcPort: number | undefined
  /** A separate port for `/metrics`; undefined: `port`. */
  readonly metricsPort: number | undefined
  /** PEM texts; undefined: cleartext, as behind a platform that terminates TLS. */
  readonly tls: { readonly cert: string; readonly key: string } | undefined
  /** Origins that may evaluate from a browser; undefined: all. */
  readonly corsOrigins: readonly string[] | undefined
  readonly drainSeconds: number
  /** How long new connections are accepted after the stop signal, until load balancers stop sending requests. */
  readonly drainDelaySeconds: number
  readonly bodyBytesMax: number
  /** The web console, and the path below which browsers see this service; undefined: it is not served. */
  readonly console: { readonly publicPath: string } | undefined
  /** Concurrent requests; 0: unlimited. */
  readonly requestsMax: number
}

const TRIAL_HOST = '127.0.0.1'

export function httpOf(values: HttpValues, isTrial: boolean, mistakes: string[]): HttpConfig {
  if (isTrial && values.HOST !== undefined && values.HOST !== TRIAL_HOST)
    mistakes.push(`HOST: trial mode answers on ${TRIAL_HOST} only; set DATABASE_URL to serve others`)
  const ports = [values.PORT, values.GRPC_PORT, values.METRICS_PORT].filter((port) => port !== undefined && port !== 0)
  if (values.METRICS_PORT !== undefined && ports.indexOf(values.METRICS_PORT) < ports.length - 1)
    mistakes.push('METRICS_PORT: expected another port than PORT and GRPC_PORT')
  if (values.DRAIN_DELAY_SECONDS > values.DRAIN_SECONDS / 2)
    mistakes.push('DRAIN_DELAY_SECONDS: expected at most half of DRAIN_SECONDS, of which it is a part')
  return {
    port: values.PORT,
    host: values.HOST ?? (isTrial ? TRIAL_HOST : '0.0.0.0'),
    grpcPort: values.GRPC_PORT,
    metricsPort: values.METRICS_PORT,
    tls: tlsOf(values),
    corsOrigins: values.CORS_ORIGINS,
    drainSeconds: values.DRAIN_SECONDS,
    drainDelaySeconds: values.DRAIN_DELAY_SECONDS,
    bodyBytesMax: values.BODY_BYTES_MAX,
    console: values.FLAGSTAFF_CONSOLE === 'on' ? { publicPath: values.FLAGSTAFF_PUBLIC_PATH } : undefined,
    requestsMax: values.REQUESTS_MAX,
  }
}

/** A certificate needs its key, and the reverse. An unreadable file is a mistake of its own. */
export function tlsMistakes(env: Readonly<Record<string, string | undefined>>): string[] {
  const isGiven = (name: string) => Boolean(env[name] || env[`${name}_FILE`])
  return isGiven('TLS_CERT') === isGiven('TLS_KEY') ? [] : ['TLS_CERT_FILE and TLS_KEY_FILE: set both or neither']
}

function tlsOf({ TLS_CERT: cert, TLS_KEY: key }: HttpValues): HttpConfig['tls'] {
  return cert !== undefined && key !== undefined ? { cert, key } : undefined
}
