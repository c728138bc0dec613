// Runs in a browser, in a page of another origin: providers for the web, with the headers that tracing libraries send.
import { FlagdWebProvider } from '@openfeature/flagd-web-provider'
import { OFREPWebProvider } from '@openfeature/ofrep-web-provider'
import { type Client, OpenFeature, type Provider, ProviderEvents } from '@openfeature/web-sdk'
import type { Case } from '../cases.ts'

export type Kind = 'ofrep-web' | 'flagd-web'
type Asked = Pick<Case, 'key' | 'type' | 'default'>

const TRACE = {
  traceparent: '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01',
  tracestate: 'vendor=1',
  baggage: 'user=ada',
  'sentry-trace': '0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-1',
}
const sent = globalThis.fetch.bind(globalThis)
globalThis.fetch = Object.assign((input: Parameters<typeof sent>[0], init?: RequestInit) => {
  const headers = new Headers(init?.headers ?? (input instanceof Request ? input.headers : undefined))
  for (const [name, value] of Object.entries(TRACE)) headers.set(name, value)
  return sent(input, { ...init, headers })
}, sent)

const events: string[] = []

async function open(kind: Kind, port: number, key: string): Promise<void> {
  for (const event of Object.values(ProviderEvents)) OpenFeature.addHandler(event, () => void events.push(event))
  const provider = kind === 'ofrep-web' ? ofrep(port, key) : flagd(port, key)
  await OpenFeature.setProviderAndWait(provider as Provider) // its type does not allow undefined hooks
}

const ofrep = (port: number, key: string) =>
  new OFREPWebProvider({ baseUrl: `http://127.0.0.1:${port}`, headers: [['Authorization', `Bearer ${key}`]] })

const flagd = (port: number, key: string) =>
  new FlagdWebProvider({
    host: '127.0.0.1',
    port,
    tls: false,
    maxDelay: 1_000,
    interceptors: [
      (next) => (call) => {
        call.header.set('x-api-key', key)
        return next(call)
      },
    ],
  })

function detailsOf(client: Client, { key, type, default: fallback }: Asked) {
  if (type === 'boolean') return client.getBooleanDetails(key, fallback as boolean)
  if (type === 'string') return client.getStringDetails(key, fallback as string)
  if (type === 'object') return client.getObjectDetails(key, fallback as never)
  return client.getNumberDetails(key, fallback as number)
}

/** Evaluates flags with the provider's current data. */
function evaluate(asked: readonly Asked[]) {
  const client = OpenFeature.getClient()
  return asked.map(({ key, type, default: fallback }) => {
    const started = performance.now()
    const { value, variant, reason, errorCode: error } = detailsOf(client, { key, type, default: fallback })
    return { value, variant, reason, error, ms: performance.now() - started }
  })
}

export type Page = { open: typeof open; evaluate: typeof evaluate; events: string[] }
Object.assign(globalThis, { providers: { open, evaluate, events } satisfies Page })
