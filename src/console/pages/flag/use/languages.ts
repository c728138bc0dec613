import { COMPILED } from './compiled.ts'
import { JAVASCRIPT } from './javascript.ts'
import { JVM } from './jvm.ts'
import { SCRIPTING } from './scripting.ts'
import {
  baseUrlOf,
  headerOf,
  type Language,
  quoted,
  type Snippet,
  type SnippetTarget,
  typedLiteral,
  wordFor,
} from './snippet.ts'

const shellQuoted = (text: string): string => `'${text.replaceAll("'", "'\\''")}'`

function curl(target: SnippetTarget): Snippet {
  const url = `${baseUrlOf(target)}/ofrep/v1/evaluate/flags/${encodeURIComponent(target.flagKey)}`
  return {
    protocol: 'OFREP',
    isTested: true,
    install: '',
    code: `curl ${shellQuoted(url)} \\
  -H ${shellQuoted(headerOf(target).join(': '))} \\
  -H 'Content-Type: application/json' \\
  -d '{"context":{"targetingKey":"user-1"}}'
`,
  }
}

const DOTNET_CALLS = {
  boolean: 'GetBooleanValueAsync',
  string: 'GetStringValueAsync',
  integer: 'GetIntegerValueAsync',
  float: 'GetDoubleValueAsync',
  object: 'GetObjectValueAsync',
}

function dotnet(target: SnippetTarget): Snippet {
  const [name, value] = headerOf(target)
  const fallback = target.type === 'object' ? 'new Value(Structure.Empty)' : typedLiteral(target)
  return {
    protocol: 'OFREP',
    isTested: false,
    install: 'dotnet add package OpenFeature\ndotnet add package OpenFeature.Providers.Ofrep',
    code: `using OpenFeature;
using OpenFeature.Model;
using OpenFeature.Providers.Ofrep;
using OpenFeature.Providers.Ofrep.Configuration;

var options = new OfrepOptions(${quoted(baseUrlOf(target))})
{
    Headers = new Dictionary<string, string> { [${quoted(name)}] = ${quoted(value)} },
};
await Api.Instance.SetProviderAsync(new OfrepProvider(options));
var context = EvaluationContext.Builder().SetTargetingKey("user-1").Build();
var value = await Api.Instance.GetClient().${wordFor(target, DOTNET_CALLS)}(${quoted(target.flagKey)}, ${fallback}, context);
`,
  }
}

function swift(target: SnippetTarget): Snippet {
  const [name, value] = headerOf(target)
  const url = `${baseUrlOf(target)}/ofrep/v1/evaluate/flags/${encodeURIComponent(target.flagKey)}`
  return {
    protocol: 'OFREP',
    isTested: false,
    install: '',
    code: `import Foundation

var request = URLRequest(url: URL(string: ${quoted(url)})!)
request.httpMethod = "POST"
request.setValue(${quoted(value)}, forHTTPHeaderField: ${quoted(name)})
request.setValue("application/json", forHTTPHeaderField: "Content-Type")
request.httpBody = Data(#"{"context":{"targetingKey":"user-1"}}"#.utf8)
let (answer, _) = try await URLSession.shared.data(for: request)
print(String(decoding: answer, as: UTF8.self))
`,
    note: 'OpenFeature’s SDK for Swift has no OFREP provider and no flagd provider yet: this is the request of OFREP itself.',
  }
}

/** All languages of the panel, in its order. */
export const LANGUAGES: readonly Language[] = [
  { id: 'curl', name: 'curl', snippets: (target) => [curl(target)] },
  ...JAVASCRIPT,
  ...COMPILED,
  ...JVM,
  { id: 'dotnet', name: '.NET', snippets: (target) => [dotnet(target)] },
  ...SCRIPTING,
  { id: 'swift', name: 'Swift', snippets: (target) => [swift(target)] },
]
