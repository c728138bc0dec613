import assert from 'node:assert/strict'
import { FlagdProvider } from '@openfeature/flagd-provider'
import { type Client, type EvaluationDetails, OpenFeature, ProviderEvents } from '@openfeature/server-sdk'
import type { Step } from './gherkin.ts'
import type { Environment, Kind, Launchpad, Server } from './launchpad.ts'

export type Mode = 'rpc' | 'in-process'
export type World = {
  readonly mode: Mode
  readonly launchpad: Launchpad
  /** The environment of a flagd source, by the test bed's name of the source; undefined: all flags. */
  readonly environmentOf: (source: string | undefined) => Promise<Environment>
  /** True for a scenario that stops its server, and so needs its own. */
  readonly isHarmful: boolean
}

/** Well below the provider's own limit, so that a scenario does not wait for minutes. */
const OPTIONS = {
  deadlineMs: 2_000,
  retryBackoffMs: 1_000,
  retryBackoffMaxMs: 1_000,
  retryGracePeriod: 2,
  cache: 'disabled',
}
/** A gRPC channel without a server retries after longer and longer pauses. */
const EVENT_MS = 40_000
const EVENTS: Readonly<Record<string, ProviderEvents>> = {
  ready: ProviderEvents.Ready,
  error: ProviderEvents.Error,
  stale: ProviderEvents.Stale,
  change: ProviderEvents.ConfigurationChanged,
}
const KINDS: Readonly<Record<string, Kind>> = {
  stable: 'cleartext',
  metadata: 'cleartext',
  syncpayload: 'cleartext',
  ssl: 'tls',
}

type Details = EvaluationDetails<any>
type Act = (this: ProviderScenario, ...args: string[]) => unknown

let made = 0

/** One running scenario: flagd's published provider with the real service. */
export class ProviderScenario {
  readonly #world: World
  readonly #domain: string
  readonly #options: Record<string, unknown> = {}
  readonly #events = new Map<string, { flagsChanged?: string[] | undefined }[]>()
  #source: string | undefined
  #environment: Environment | undefined
  #server: Server | undefined
  #client: Client | undefined
  #provider: FlagdProvider | undefined
  #flag = { type: '', key: '', fallback: undefined as unknown }
  #context: Record<string, any> = {}
  #details: Details | undefined
  #event: { flagsChanged?: string[] | undefined } | undefined

  constructor(world: World) {
    made += 1
    this.#world = world
    this.#domain = `scenario-${made}`
  }

  async run(steps: readonly Step[]): Promise<void> {
    for (const { text, table } of steps) {
      const found = STEPS.flatMap(([pattern, act]) => {
        const match = pattern.exec(text)
        return match ? [{ act, args: match.slice(1).map((part) => part ?? '') }] : []
      })
      const [step] = found
      assert.ok(step && found.length === 1, `"${text}" means ${found.length} things`)
      this.#table = table
      await step.act.apply(this, step.args)
    }
  }

  async close(): Promise<void> {
    // A provider that never connected continues to retry after it was closed, which keeps this process running.
    const service = (this.#provider as any)?._service
    for (const part of [service, service?._dataFetcher]) if (part) part.reconnect = () => undefined
    await OpenFeature.setProviderAndWait(this.#domain, { metadata: { name: 'none' } } as never).catch(() => undefined)
  }

  #table: Step['table'] = []

  option(name: string, type: string, text: string): void {
    if (name === 'selector') this.#source = text
    else this.#options[name] = parse(type, text)
  }

  async provider(name: string): Promise<void> {
    const { mode, launchpad, environmentOf, isHarmful } = this.#world
    const kind = KINDS[name]
    this.#environment = await environmentOf(this.#source)
    if (kind) this.#server = isHarmful ? await launchpad.own(kind) : await launchpad.shared(kind)
    const { key, flagSetId } = this.#environment
    this.#provider = new FlagdProvider({
      ...OPTIONS,
      ...this.#options,
      resolverType: mode,
      host: 'localhost',
      port: this.#server?.grpcPort ?? (name === 'forbidden' ? launchpad.forbiddenPort : launchpad.deadPort),
      // This provider can send no header, and no selector with its event stream: only its key names the environment.
      defaultAuthority: `${key}.flags.example`,
      ...(this.#source && { selector: `flagSetId=${flagSetId}` }),
      ...(this.#server?.certPath && { tls: true, certPath: this.#server.certPath }),
    } as never)
    const isReady = OpenFeature.setProviderAndWait(this.#domain, this.#provider)
    this.#client = OpenFeature.getClient(this.#domain)
    if (kind) await isReady
    else isReady.catch(() => undefined)
  }

  listen(name: string): void {
    const events: { flagsChanged?: string[] | undefined }[] = []
    this.#events.set(name, events)
    const event = EVENTS[name]
    assert.ok(event)
    this.client.addHandler(event as ProviderEvents.Ready, (details) => void events.push({ ...details } as never))
  }

  /** Waits for an event that no earlier step has used. */
  async fired(name: string, ms = String(EVENT_MS)): Promise<void> {
    const events = this.#events.get(name)
    assert.ok(events, `there is no listener of "${name}"`)
    const late = performance.now() + Number(ms)
    while (events.length === 0) {
      assert.ok(performance.now() < late, `no "${name}" within ${ms} ms`)
      await new Promise((resolve) => setTimeout(resolve, 10))
    }
    this.#event = events[0]
    events.length = 0
  }

  flag(type: string, key: string, fallback: string): void {
    this.#flag = { type, key, fallback: parse(type, fallback) }
  }

  context(name: string, type: string, text: string): void {
    this.#context[name] = parse(type, text)
  }

  nested(outer: string, inner: string, text: string): void {
    this.#context[outer] = { [inner]: text }
  }

  async evaluate(): Promise<void> {
    const { type, key, fallback } = this.#flag
    const method = type === 'Integer' || type === 'Float' ? 'Number' : type
    this.#details = await (this.client as any)[`get${method}Details`](key, fallback, this.#context)
  }

  async modify(): Promise<void> {
    assert.ok(this.#environment)
    await this.#world.launchpad.change(this.#environment)
  }

  lose(seconds: string): void {
    assert.ok(this.#server && this.#world.isHarmful)
    this.#server.restart(Number(seconds))
  }

  get client(): Client {
    assert.ok(this.#client, 'there is no provider yet')
    return this.#client
  }

  get details(): Details {
    assert.ok(this.#details, 'nothing was evaluated yet')
    return this.#details
  }

  valueIs(text: string): void {
    assert.deepEqual(this.details.value, parse(this.#flag.type, text))
  }

  metadataContains(): void {
    const [, ...rows] = this.#table
    for (const [key = '', type = '', text = ''] of rows)
      assert.deepEqual(this.details.flagMetadata[key], parse(type, text), key)
  }

  eventNamesFlag(): void {
    assert.ok(this.#event?.flagsChanged?.includes(this.#flag.key), JSON.stringify(this.#event))
  }
}

/** The step definitions of the test bed. */
const STEPS: readonly [pattern: RegExp, act: Act][] = [
  [/^an option "(.*?)" of type "(.*?)" with value "(.*)"$/, ProviderScenario.prototype.option],
  [/^a (\w+) flagd provider$/, ProviderScenario.prototype.provider],
  [/^a (\w+) event handler$/, ProviderScenario.prototype.listen],
  [/^a (\w+) event was fired$/, ProviderScenario.prototype.fired],
  [/^the (\w+) event handler should have been executed$/, ProviderScenario.prototype.fired],
  [/^the (\w+) event handler should have been executed within (\d+)ms$/, ProviderScenario.prototype.fired],
  [/^an? (\w+)-flag with key "(.*?)" and a default value "(.*)"$/, ProviderScenario.prototype.flag],
  [/^a context containing a key "(.*?)", with type "(.*?)" and with value "(.*)"$/, ProviderScenario.prototype.context],
  [
    /^a context containing a nested property with outer key "(.*?)" and inner key "(.*?)", with value "(.*)"$/,
    ProviderScenario.prototype.nested,
  ],
  [
    /^a context containing a targeting key with value "(.*)"$/,
    function (text = '') {
      this.context('targetingKey', 'String', text)
    },
  ],
  [/^the flag was evaluated with details$/, ProviderScenario.prototype.evaluate],
  [/^the flag was modified$/, ProviderScenario.prototype.modify],
  [/^the connection is lost for (\d+)s$/, ProviderScenario.prototype.lose],
  [/^the resolved details value should be "(.*)"$/, ProviderScenario.prototype.valueIs],
  [/^the resolved metadata should contain$/, ProviderScenario.prototype.metadataContains],
  [/^the flag should be part of the event payload$/, ProviderScenario.prototype.eventNamesFlag],
  [
    /^the resolved metadata is empty$/,
    function () {
      assert.deepEqual(this.details.flagMetadata, {})
    },
  ],
  [
    /^the reason should be "(.*)"$/,
    function (reason) {
      assert.equal(this.details.reason, reason)
    },
  ],
  [
    /^the variant should be "(.*)"$/,
    function (variant) {
      assert.equal(this.details.variant, variant)
    },
  ],
  [
    /^the error-code should be "(.*)"$/,
    function (code) {
      assert.equal(this.details.errorCode ?? '', code)
    },
  ],
  [
    /^the client should be in fatal state$/,
    function () {
      assert.equal(this.client.providerStatus, 'FATAL')
    },
  ],
]

/** Values are written as text, with their type beside them. */
function parse(type: string, text: string): unknown {
  if (type === 'String' || type === 'CacheType') return text
  if (type === 'StringList') return text.split(',').map((item) => item.trim())
  return JSON.parse(text.replaceAll('\\"', '"').toLowerCase() === 'true' ? 'true' : text.replaceAll('\\"', '"'))
}
