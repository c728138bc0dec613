import {
  baseUrlOf,
  headerOf,
  keyOf,
  type Language,
  literal,
  quoted,
  type Snippet,
  type SnippetTarget,
} from './snippet.ts'

const CALLS = {
  boolean: 'getBooleanValue',
  string: 'getStringValue',
  number: 'getNumberValue',
  object: 'getObjectValue',
}
const HOOKS = {
  boolean: 'useBooleanFlagValue',
  string: 'useStringFlagValue',
  number: 'useNumberFlagValue',
  object: 'useObjectFlagValue',
}

const fallbackOf = (target: SnippetTarget): string =>
  target.type === 'object' ? '{}' : literal(target, (text) => quoted(text))

const serverCall = (target: SnippetTarget): string =>
  `const client = OpenFeature.getClient()
const value = await client.${CALLS[target.type]}(${quoted(target.flagKey)}, ${fallbackOf(target)}, { targetingKey: 'user-1' })`

const webCall = (target: SnippetTarget): string =>
  `const value = OpenFeature.getClient().${CALLS[target.type]}(${quoted(target.flagKey)}, ${fallbackOf(target)})`

const headersOf = (target: SnippetTarget): string => {
  const [name, value] = headerOf(target)
  return `[[${quoted(name)}, ${quoted(value)}]]`
}

function serverOfrep(target: SnippetTarget): Snippet {
  return {
    protocol: 'OFREP',
    isTested: true,
    install: 'npm install @openfeature/server-sdk @openfeature/ofrep-core @openfeature/ofrep-provider',
    code: `import { OpenFeature } from '@openfeature/server-sdk'
import { OFREPProvider } from '@openfeature/ofrep-provider'

await OpenFeature.setProviderAndWait(
  new OFREPProvider({ baseUrl: ${quoted(baseUrlOf(target))}, headers: ${headersOf(target)} }),
)
${serverCall(target)}
`,
  }
}

function serverFlagd(target: SnippetTarget, resolverType: 'rpc' | 'in-process'): Snippet {
  return {
    protocol: `flagd ${resolverType}`,
    isTested: true,
    install: 'npm install @openfeature/server-sdk @openfeature/flagd-provider',
    code: `import { OpenFeature } from '@openfeature/server-sdk'
import { FlagdProvider } from '@openfeature/flagd-provider'

await OpenFeature.setProviderAndWait(
  new FlagdProvider({
    resolverType: '${resolverType}',
    host: ${quoted(target.host)},
    port: ${target.port},
    tls: ${target.isSecure},
    // The provider sends no header: the key is the first label of the authority.
    defaultAuthority: ${quoted(`${keyOf(target)}.flags.example`)},
  }),
)
${serverCall(target)}
`,
  }
}

function webOfrep(target: SnippetTarget): Snippet {
  return {
    protocol: 'OFREP',
    isTested: true,
    install: 'npm install @openfeature/web-sdk @openfeature/ofrep-core @openfeature/ofrep-web-provider',
    code: `import { OpenFeature } from '@openfeature/web-sdk'
import { OFREPWebProvider } from '@openfeature/ofrep-web-provider'

await OpenFeature.setContext({ targetingKey: 'user-1' })
await OpenFeature.setProviderAndWait(
  new OFREPWebProvider({ baseUrl: ${quoted(baseUrlOf(target))}, headers: ${headersOf(target)} }),
)
${webCall(target)}
`,
  }
}

function webFlagd(target: SnippetTarget): Snippet {
  const [name, value] = headerOf(target)
  return {
    protocol: 'flagd rpc',
    isTested: true,
    install: 'npm install @openfeature/web-sdk @openfeature/flagd-web-provider',
    code: `import { OpenFeature } from '@openfeature/web-sdk'
import { FlagdWebProvider } from '@openfeature/flagd-web-provider'

await OpenFeature.setContext({ targetingKey: 'user-1' })
await OpenFeature.setProviderAndWait(
  new FlagdWebProvider({
    host: ${quoted(target.host)},
    port: ${target.port},
    tls: ${target.isSecure},
    interceptors: [
      (next) => (call) => {
        call.header.set(${quoted(name)}, ${quoted(value)})
        return next(call)
      },
    ],
  }),
)
${webCall(target)}
`,
  }
}

function react(target: SnippetTarget): Snippet {
  return {
    protocol: 'OFREP',
    isTested: false,
    install:
      'npm install @openfeature/react-sdk @openfeature/web-sdk @openfeature/ofrep-core @openfeature/ofrep-web-provider',
    code: `import { OpenFeature, OpenFeatureProvider, ${HOOKS[target.type]} } from '@openfeature/react-sdk'
import { OFREPWebProvider } from '@openfeature/ofrep-web-provider'

OpenFeature.setContext({ targetingKey: 'user-1' })
OpenFeature.setProvider(
  new OFREPWebProvider({ baseUrl: ${quoted(baseUrlOf(target))}, headers: ${headersOf(target)} }),
)

function Feature() {
  const value = ${HOOKS[target.type]}(${quoted(target.flagKey)}, ${fallbackOf(target)})
  return <pre>{JSON.stringify(value)}</pre>
}

export const App = () => (
  <OpenFeatureProvider>
    <Feature />
  </OpenFeatureProvider>
)
`,
  }
}

/** JavaScript on a server, in a browser, and with React. */
export const JAVASCRIPT: readonly Language[] = [
  {
    id: 'node',
    name: 'JavaScript (server)',
    snippets: (target) => [serverOfrep(target), serverFlagd(target, 'rpc'), serverFlagd(target, 'in-process')],
  },
  { id: 'web', name: 'JavaScript (web)', snippets: (target) => [webOfrep(target), webFlagd(target)] },
  { id: 'react', name: 'React', snippets: (target) => [react(target)] },
]
