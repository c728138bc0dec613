// Evaluates the cases that arrive on stdin with a published provider; answers and events are JSON lines on stdout.
// The only argument is the configuration: program.ts has its type.

import { createInterface } from 'node:readline'
import { FlagdProvider } from '@openfeature/flagd-provider'
import { OFREPProvider } from '@openfeature/ofrep-provider'
import {
  type Client,
  type EvaluationContext,
  OpenFeature,
  type Provider,
  ProviderEvents,
} from '@openfeature/server-sdk'
import type { Case } from '../cases.ts'
import type { Config } from '../program.ts'

const config = JSON.parse(process.argv[2] ?? '') as Config
const NAMES = {
  READY: ProviderEvents.Ready,
  STALE: ProviderEvents.Stale,
  ERROR: ProviderEvents.Error,
  CONFIGURATION_CHANGED: ProviderEvents.ConfigurationChanged,
} as const

const say = (message: object): void => void process.stdout.write(`${JSON.stringify(message)}\n`)

function providerFor(key: string): Provider {
  const { mode, host, port, cache } = config
  if (mode === 'ofrep')
    return new OFREPProvider({ baseUrl: `http://${host}:${port}`, headers: [['Authorization', `Bearer ${key}`]] })
  return new FlagdProvider({
    resolverType: mode,
    host,
    port,
    // It sends no header: the key is the first label of the authority.
    defaultAuthority: `${key}.flags.example`,
    cache: cache ? 'lru' : 'disabled',
    deadlineMs: 20_000,
    retryBackoffMs: 1_000,
    retryBackoffMaxMs: 1_000,
    retryGracePeriod: 2,
  })
}

async function clientFor(environment: string, key: string): Promise<Client> {
  const client = OpenFeature.getClient(environment)
  for (const [event, type] of Object.entries(NAMES))
    client.addHandler(type as ProviderEvents.ConfigurationChanged, (details) =>
      say({ event, environment, flags: details?.flagsChanged }),
    )
  await OpenFeature.setProviderAndWait(environment, providerFor(key))
  return client
}

async function evaluate(client: Client, { id, key, type, default: fallback, context }: Case): Promise<void> {
  const started = performance.now()
  const details = await detailsOf(client, { key, type, fallback, context: context as EvaluationContext })
  const { value, variant, reason, errorCode: error, errorMessage: message } = details
  say({ id, value, variant, reason, error, message, ms: performance.now() - started })
}

type Asked = { key: string; type: Case['type']; fallback: unknown; context: EvaluationContext }

function detailsOf(client: Client, { key, type, fallback, context }: Asked) {
  if (type === 'boolean') return client.getBooleanDetails(key, fallback as boolean, context)
  if (type === 'string') return client.getStringDetails(key, fallback as string, context)
  if (type === 'object') return client.getObjectDetails(key, fallback as never, context)
  return client.getNumberDetails(key, fallback as number, context)
}

const clients = new Map<string, Client>()
for (const [environment, key] of Object.entries(config.environments))
  clients.set(environment, await clientFor(environment, key))
say({ event: 'STARTED' })
for await (const line of createInterface({ input: process.stdin })) {
  const asked = JSON.parse(line) as Case
  const client = clients.get(asked.environment)
  if (client) await evaluate(client, asked)
}
process.exit(0) // a provider may try to connect for ever
