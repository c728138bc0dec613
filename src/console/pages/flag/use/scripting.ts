import {
  baseUrlOf,
  headerOf,
  keyOf,
  type Language,
  quoted,
  type Snippet,
  type SnippetTarget,
  singleQuoted,
  typedLiteral,
  wordFor,
} from './snippet.ts'

const PYTHON_CALLS = {
  boolean: 'get_boolean_value',
  string: 'get_string_value',
  integer: 'get_integer_value',
  float: 'get_float_value',
  object: 'get_object_value',
}

function pythonCall(target: SnippetTarget): string {
  const truth = target.fallback === true ? 'True' : 'False'
  const constant = target.type === 'object' ? '{}' : target.type === 'boolean' ? truth : typedLiteral(target)
  return `client = api.get_client()
value = client.${wordFor(target, PYTHON_CALLS)}(${quoted(target.flagKey)}, ${constant}, EvaluationContext("user-1"))
print(value)`
}

function pythonOfrep(target: SnippetTarget): Snippet {
  const [name, value] = headerOf(target)
  return {
    protocol: 'OFREP',
    isTested: true,
    install: 'pip install openfeature-sdk openfeature-provider-ofrep',
    code: `from openfeature import api
from openfeature.contrib.provider.ofrep import OFREPProvider
from openfeature.evaluation_context import EvaluationContext

api.set_provider_and_wait(
    OFREPProvider(${quoted(baseUrlOf(target))}, headers_factory=lambda: {${quoted(name)}: ${quoted(value)}})
)
${pythonCall(target)}
`,
  }
}

function pythonInProcess(target: SnippetTarget): Snippet {
  return {
    protocol: 'flagd in-process',
    isTested: true,
    install: 'pip install openfeature-sdk openfeature-provider-flagd',
    code: `from openfeature import api
from openfeature.contrib.provider.flagd import FlagdProvider
from openfeature.contrib.provider.flagd.config import ResolverType
from openfeature.evaluation_context import EvaluationContext

# The provider sends no header: the key is the first label of the authority.
api.set_provider_and_wait(
    FlagdProvider(
        resolver_type=ResolverType.IN_PROCESS,
        host=${quoted(target.host)},
        port=${target.port},
        tls=${target.isSecure ? 'True' : 'False'},
        default_authority=${quoted(`${keyOf(target)}.flags.example`)},
    )
)
${pythonCall(target)}
`,
  }
}

const PHP_CALLS = {
  boolean: 'getBooleanValue',
  string: 'getStringValue',
  integer: 'getIntegerValue',
  float: 'getFloatValue',
  object: 'getObjectValue',
}

function php(target: SnippetTarget): Snippet {
  const [name, value] = headerOf(target)
  const fallback = target.type === 'object' ? '[]' : typedLiteral(target, singleQuoted)
  return {
    protocol: 'flagd rpc',
    isTested: false,
    install: 'composer require open-feature/sdk open-feature/flagd-provider guzzlehttp/guzzle',
    code: `<?php
use GuzzleHttp\\Client;
use GuzzleHttp\\Psr7\\HttpFactory;
use OpenFeature\\OpenFeatureAPI;
use OpenFeature\\implementation\\flags\\Attributes;
use OpenFeature\\implementation\\flags\\EvaluationContext;
use OpenFeature\\Providers\\Flagd\\FlagdProvider;

$factory = new HttpFactory();
$api = OpenFeatureAPI::getInstance();
$api->setProvider(new FlagdProvider([
    'protocol' => 'http',
    'host' => ${singleQuoted(target.host)},
    'port' => ${target.port},
    'secure' => ${target.isSecure},
    'httpConfig' => [
        'client' => new Client(['headers' => [${singleQuoted(name)} => ${singleQuoted(value)}]]),
        'requestFactory' => $factory,
        'streamFactory' => $factory,
    ],
]));
$context = new EvaluationContext('user-1', new Attributes([]));
$value = $api->getClient()->${wordFor(target, PHP_CALLS)}(${singleQuoted(target.flagKey)}, ${fallback}, $context);
`,
    note: 'There is no OFREP provider for PHP.',
  }
}

const RUBY_CALLS = {
  boolean: 'fetch_boolean_value',
  string: 'fetch_string_value',
  integer: 'fetch_integer_value',
  float: 'fetch_float_value',
  object: 'fetch_object_value',
}

function ruby(target: SnippetTarget): Snippet {
  const [name, value] = headerOf(target)
  const fallback = target.type === 'object' ? '{}' : typedLiteral(target, singleQuoted)
  return {
    protocol: 'OFREP',
    isTested: false,
    install: 'bundle add openfeature-sdk openfeature-ofrep-provider',
    code: `require "open_feature/sdk"
require "openfeature/ofrep/provider"

configuration = OpenFeature::OFREP::Configuration.new(
  base_url: ${singleQuoted(baseUrlOf(target))},
  headers: { ${singleQuoted(name)} => ${singleQuoted(value)} }
)
OpenFeature::SDK.configure do |config|
  config.set_provider(OpenFeature::OFREP::Provider.new(configuration: configuration))
end

value = OpenFeature::SDK.build_client.${wordFor(target, RUBY_CALLS)}(
  flag_key: ${singleQuoted(target.flagKey)},
  default_value: ${fallback},
  evaluation_context: OpenFeature::SDK::EvaluationContext.new(targeting_key: "user-1")
)
`,
  }
}

/** Python, PHP and Ruby. */
export const SCRIPTING: readonly Language[] = [
  { id: 'python', name: 'Python', snippets: (target) => [pythonOfrep(target), pythonInProcess(target)] },
  { id: 'php', name: 'PHP', snippets: (target) => [php(target)] },
  { id: 'ruby', name: 'Ruby', snippets: (target) => [ruby(target)] },
]
