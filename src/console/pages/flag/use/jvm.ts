import {
  baseUrlOf,
  headerOf,
  kotlinQuoted,
  type Language,
  quoted,
  type Snippet,
  type SnippetTarget,
  typedLiteral,
  wordFor,
} from './snippet.ts'

const OFREP_INSTALL = `implementation("dev.openfeature:sdk:1.22.0")
implementation("dev.openfeature.contrib.providers:ofrep:0.0.2")`
const FLAGD_INSTALL = `implementation("dev.openfeature:sdk:1.22.0")
implementation("dev.openfeature.contrib.providers:flagd:0.11.15")`

const CALLS = {
  boolean: 'getBooleanValue',
  string: 'getStringValue',
  integer: 'getIntegerValue',
  float: 'getDoubleValue',
  object: 'getObjectValue',
}
const JAVA_TYPES = { boolean: 'boolean', string: 'String', integer: 'int', float: 'double', object: 'Value' }

function javaCall(target: SnippetTarget): string {
  const fallback = target.type === 'object' ? 'new Value(new ImmutableStructure())' : typedLiteral(target)
  return `Client client = api.getClient();
EvaluationContext context = new ImmutableContext("user-1");
${wordFor(target, JAVA_TYPES)} value = client.${wordFor(target, CALLS)}(${quoted(target.flagKey)}, ${fallback}, context);`
}

function javaOfrep(target: SnippetTarget): Snippet {
  const [name, value] = headerOf(target)
  return {
    protocol: 'OFREP',
    isTested: true,
    install: OFREP_INSTALL,
    code: `import com.google.common.collect.ImmutableList;
import com.google.common.collect.ImmutableMap;
import dev.openfeature.contrib.providers.ofrep.OfrepProvider;
import dev.openfeature.contrib.providers.ofrep.OfrepProviderOptions;
import dev.openfeature.sdk.*;

OpenFeatureAPI api = OpenFeatureAPI.getInstance();
api.setProviderAndWait(OfrepProvider.constructProvider(OfrepProviderOptions.builder()
    .baseUrl(${quoted(baseUrlOf(target))})
    .headers(ImmutableMap.of(${quoted(name)}, ImmutableList.of(${quoted(value)})))
    .build()));
${javaCall(target)}
`,
  }
}

function javaFlagd(target: SnippetTarget, mode: 'rpc' | 'in-process'): Snippet {
  const [name, value] = headerOf(target)
  return {
    protocol: `flagd ${mode}`,
    isTested: true,
    install: FLAGD_INSTALL,
    code: `import dev.openfeature.contrib.providers.flagd.*;
import dev.openfeature.sdk.*;
import io.grpc.Metadata;
import io.grpc.stub.MetadataUtils;
import java.util.List;

Metadata headers = new Metadata();
headers.put(Metadata.Key.of(${quoted(name.toLowerCase())}, Metadata.ASCII_STRING_MARSHALLER), ${quoted(value)});
OpenFeatureAPI api = OpenFeatureAPI.getInstance();
api.setProviderAndWait(new FlagdProvider(FlagdOptions.builder()
    .resolverType(Config.Resolver.${mode === 'rpc' ? 'RPC' : 'IN_PROCESS'})
    .host(${quoted(target.host)})
    .port(${target.port})
    .tls(${target.isSecure})
    .clientInterceptors(List.of(MetadataUtils.newAttachHeadersInterceptor(headers)))
    .build()));
${javaCall(target)}
`,
  }
}

function kotlinOfrep(target: SnippetTarget): Snippet {
  const [name, value] = headerOf(target)
  const fallback = target.type === 'object' ? 'Value(ImmutableStructure())' : typedLiteral(target, kotlinQuoted)
  return {
    protocol: 'OFREP',
    isTested: false,
    install: OFREP_INSTALL,
    code: `import com.google.common.collect.ImmutableList
import com.google.common.collect.ImmutableMap
import dev.openfeature.contrib.providers.ofrep.OfrepProvider
import dev.openfeature.contrib.providers.ofrep.OfrepProviderOptions
import dev.openfeature.sdk.*

val api = OpenFeatureAPI.getInstance()
api.setProviderAndWait(
    OfrepProvider.constructProvider(
        OfrepProviderOptions.builder()
            .baseUrl(${kotlinQuoted(baseUrlOf(target))})
            .headers(ImmutableMap.of(${kotlinQuoted(name)}, ImmutableList.of(${kotlinQuoted(value)})))
            .build()
    )
)
val value = api.client.${wordFor(target, CALLS)}(${kotlinQuoted(target.flagKey)}, ${fallback}, ImmutableContext("user-1"))
`,
    note: 'For servers. It uses the SDK for Java.',
  }
}

/** Java, and Kotlin with the SDK for Java. */
export const JVM: readonly Language[] = [
  {
    id: 'java',
    name: 'Java',
    snippets: (target) => [javaOfrep(target), javaFlagd(target, 'rpc'), javaFlagd(target, 'in-process')],
  },
  { id: 'kotlin', name: 'Kotlin', snippets: (target) => [kotlinOfrep(target)] },
]
