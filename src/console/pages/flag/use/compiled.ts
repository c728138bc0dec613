import {
  baseUrlOf,
  headerOf,
  keyOf,
  type Language,
  quoted,
  type Snippet,
  type SnippetTarget,
  typedLiteral,
  wordFor,
} from './snippet.ts'

const GO_CALLS = {
  boolean: 'BooleanValue',
  string: 'StringValue',
  integer: 'IntValue',
  float: 'FloatValue',
  object: 'ObjectValue',
}

function goCall(target: SnippetTarget): string {
  const fallback = target.type === 'object' ? 'map[string]any{}' : typedLiteral(target)
  return `	client := openfeature.NewClient("app")
	user := openfeature.NewEvaluationContext("user-1", nil)
	value, _ := client.${wordFor(target, GO_CALLS)}(context.Background(), ${quoted(target.flagKey)}, ${fallback}, user)
	fmt.Println(value)`
}

function goOfrep(target: SnippetTarget): Snippet {
  const option =
    target.apiKey === undefined
      ? `ofrep.WithHeaderProvider(func() (string, string) {
		return ${headerOf(target).map(quoted).join(', ')}
	})`
      : `ofrep.WithBearerToken(${quoted(target.apiKey)})`
  return {
    protocol: 'OFREP',
    isTested: true,
    install: `go get github.com/open-feature/go-sdk
go get github.com/open-feature/go-sdk-contrib/providers/ofrep`,
    code: `package main

import (
	"context"
	"fmt"

	"github.com/open-feature/go-sdk-contrib/providers/ofrep"
	"github.com/open-feature/go-sdk/openfeature"
)

func main() {
	provider := ofrep.NewProvider(${quoted(baseUrlOf(target))}, ${option})
	if err := openfeature.SetProviderAndWait(provider); err != nil {
		panic(err)
	}
${goCall(target)}
}
`,
  }
}

function goInProcess(target: SnippetTarget): Snippet {
  const [name, value] = headerOf(target)
  const credentials = target.isSecure ? 'credentials.NewTLS(nil)' : 'insecure.NewCredentials()'
  return {
    protocol: 'flagd in-process',
    isTested: true,
    install: `go get github.com/open-feature/go-sdk
go get github.com/open-feature/go-sdk-contrib/providers/flagd`,
    code: `package main

import (
	"context"
	"fmt"

	flagd "github.com/open-feature/go-sdk-contrib/providers/flagd/pkg"
	"github.com/open-feature/go-sdk/openfeature"
	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials${target.isSecure ? '' : '/insecure'}"
)

type header struct{}

func (header) GetRequestMetadata(context.Context, ...string) (map[string]string, error) {
	return map[string]string{${quoted(name.toLowerCase())}: ${quoted(value)}}, nil
}

func (header) RequireTransportSecurity() bool { return ${target.isSecure} }

func main() {
	provider, err := flagd.NewProvider(
		flagd.WithInProcessResolver(),
		flagd.WithHost(${quoted(target.host)}),
		flagd.WithPort(${target.port}),
		flagd.WithGrpcDialOptionsOverride([]grpc.DialOption{
			grpc.WithTransportCredentials(${credentials}),
			grpc.WithPerRPCCredentials(header{}),
		}),
	)
	if err != nil {
		panic(err)
	}
	if err := openfeature.SetProviderAndWait(provider); err != nil {
		panic(err)
	}
${goCall(target)}
}
`,
  }
}

const RUST_CALLS = {
  boolean: 'get_bool_value',
  string: 'get_string_value',
  integer: 'get_int_value',
  float: 'get_float_value',
  object: 'get_struct_value::<StructValue>',
}

function rustCall(target: SnippetTarget): string {
  const constant = target.type === 'string' ? `${typedLiteral(target)}.to_string()` : typedLiteral(target)
  const fallback = target.type === 'object' ? 'unwrap_or_default()' : `unwrap_or(${constant})`
  return `    let client = api.create_client();
    drop(api);
    let context = EvaluationContext::default().with_targeting_key("user-1");
    let value = client.${wordFor(target, RUST_CALLS)}(${quoted(target.flagKey)}, Some(&context), None).await.${fallback};
    println!("{value:?}");`
}

const rustNames = ({ type }: SnippetTarget): string =>
  `EvaluationContext, OpenFeature${type === 'object' ? ', StructValue' : ''}`

function rustOfrep(target: SnippetTarget): Snippet {
  const [name, value] = headerOf(target)
  return {
    protocol: 'OFREP',
    isTested: true,
    install: 'cargo add open-feature@0.3 open-feature-ofrep@0.1.2 reqwest@0.13 tokio --features tokio/full',
    code: `use open_feature::{${rustNames(target)}};
use open_feature_ofrep::{OfrepOptions, OfrepProvider};
use reqwest::header::{HeaderMap, HeaderName, HeaderValue};

#[tokio::main]
async fn main() {
    let header = (HeaderName::from_static(${quoted(name.toLowerCase())}), HeaderValue::from_static(${quoted(value)}));
    let options = OfrepOptions {
        base_url: ${quoted(baseUrlOf(target))}.to_string(),
        headers: HeaderMap::from_iter([header]),
        ..Default::default()
    };
    let mut api = OpenFeature::singleton_mut().await;
    api.set_provider(OfrepProvider::new(options).await.expect("a provider")).await;
${rustCall(target)}
}
`,
  }
}

function rustFlagd(target: SnippetTarget, mode: 'rpc' | 'in-process'): Snippet {
  const uri = `envoy://${target.host}:${target.port}/${keyOf(target)}.flags.example`
  return {
    protocol: `flagd ${mode}`,
    isTested: true,
    install: 'cargo add open-feature@0.3 open-feature-flagd@0.3 tokio --features tokio/full',
    code: `use open_feature::{${rustNames(target)}};
use open_feature_flagd::{FlagdOptions, FlagdProvider, ResolverType};

#[tokio::main]
async fn main() {
    let options = FlagdOptions {
        resolver_type: ResolverType::${mode === 'rpc' ? 'Rpc' : 'InProcess'},
        // The provider sends no header: the key is the first label of the authority.
        target_uri: Some(${quoted(uri)}.to_string()),
        cache_settings: None,
        ..Default::default()
    };
    let mut api = OpenFeature::singleton_mut().await;
    api.set_provider(FlagdProvider::new(options).await.expect("a provider")).await;
${rustCall(target)}
}
`,
  }
}

/** Go and Rust. */
export const COMPILED: readonly Language[] = [
  { id: 'go', name: 'Go', snippets: (target) => [goOfrep(target), goInProcess(target)] },
  {
    id: 'rust',
    name: 'Rust',
    snippets: (target) => [rustOfrep(target), rustFlagd(target, 'rpc'), rustFlagd(target, 'in-process')],
  },
]
