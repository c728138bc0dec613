// Evaluates the cases that arrive on stdin with a published provider; answers and events are JSON lines on stdout.
//
// The only argument is the configuration: {"mode", "host", "port", "cache", "environments": {name: key}}.
package main

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"os"
	"sync"
	"time"

	"github.com/open-feature/go-sdk-contrib/providers/flagd/pkg"
	"github.com/open-feature/go-sdk-contrib/providers/ofrep"
	"github.com/open-feature/go-sdk/openfeature"
	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"
)

type configuration struct {
	Mode         string            `json:"mode"`
	Host         string            `json:"host"`
	Port         uint16            `json:"port"`
	Cache        bool              `json:"cache"`
	Environments map[string]string `json:"environments"`
}

type question struct {
	ID          int            `json:"id"`
	Environment string         `json:"environment"`
	Key         string         `json:"key"`
	Type        string         `json:"type"`
	Default     any            `json:"default"`
	Context     map[string]any `json:"context"`
}

type line map[string]any

var out sync.Mutex

func say(message line) {
	out.Lock()
	defer out.Unlock()
	text, err := json.Marshal(message)
	if err != nil {
		panic(err)
	}
	fmt.Println(string(text))
}

// header sends the key with every call, over cleartext as well.
type header string

func (key header) GetRequestMetadata(context.Context, ...string) (map[string]string, error) {
	return map[string]string{"authorization": "Bearer " + string(key)}, nil
}

func (header) RequireTransportSecurity() bool { return false }

func providerFor(config configuration, key string) (openfeature.FeatureProvider, error) {
	options := []flagd.ProviderOption{
		flagd.WithPort(config.Port),
		flagd.WithDeadline(20_000),
		flagd.WithRetryBackoffMs(1_000),
		flagd.WithRetryBackoffMaxMs(1_000),
		flagd.WithRetryGracePeriod(2),
		flagd.WithEventStreamConnectionMaxAttempts(100),
	}
	switch config.Mode {
	case "ofrep":
		return ofrep.NewProvider(fmt.Sprintf("http://%s:%d", config.Host, config.Port), ofrep.WithBearerToken(key)), nil
	case "in-process":
		return flagd.NewProvider(append(options, flagd.WithInProcessResolver(), flagd.WithHost(config.Host),
			flagd.WithGrpcDialOptionsOverride([]grpc.DialOption{
				grpc.WithTransportCredentials(insecure.NewCredentials()),
				grpc.WithPerRPCCredentials(header(key)),
			}))...)
	default:
		// Over rpc the provider sends neither header nor authority: the key stands in the name of the host.
		options = append(options, flagd.WithRPCResolver(), flagd.WithHost(key+".flags.example"))
		if config.Cache {
			return flagd.NewProvider(append(options, flagd.WithLRUCache(100))...)
		}
		return flagd.NewProvider(append(options, flagd.WithoutCache())...)
	}
}

func clientFor(config configuration, environment, key string) (*openfeature.Client, error) {
	provider, err := providerFor(config, key)
	if err != nil {
		return nil, err
	}
	client := openfeature.NewClient(environment)
	for event, name := range map[openfeature.EventType]string{
		openfeature.ProviderReady:        "READY",
		openfeature.ProviderStale:        "STALE",
		openfeature.ProviderError:        "ERROR",
		openfeature.ProviderConfigChange: "CONFIGURATION_CHANGED",
	} {
		callback := func(details openfeature.EventDetails) {
			say(line{"event": name, "environment": environment, "flags": details.FlagChanges, "message": details.Message})
		}
		client.AddHandler(event, &callback)
	}
	return client, openfeature.SetNamedProviderAndWait(environment, provider)
}

func evaluate(client *openfeature.Client, asked question) {
	key, _ := asked.Context["targetingKey"].(string)
	if key != "" {
		delete(asked.Context, "targetingKey")
	}
	evalCtx := openfeature.NewEvaluationContext(key, asked.Context)
	started := time.Now()
	value, details := valueOf(client, asked, evalCtx)
	say(line{
		"id":      asked.ID,
		"value":   value,
		"variant": details.Variant,
		"reason":  details.Reason,
		"error":   details.ErrorCode,
		"message": details.ErrorMessage,
		"ms":      float64(time.Since(started).Microseconds()) / 1_000,
	})
}

// The details hold why an evaluation failed; the error says the same again.
func valueOf(client *openfeature.Client, asked question, evalCtx openfeature.EvaluationContext) (any, openfeature.EvaluationDetails) {
	ctx := context.Background()
	switch asked.Type {
	case "boolean":
		details, _ := client.BooleanValueDetails(ctx, asked.Key, asked.Default.(bool), evalCtx)
		return details.Value, details.EvaluationDetails
	case "string":
		details, _ := client.StringValueDetails(ctx, asked.Key, asked.Default.(string), evalCtx)
		return details.Value, details.EvaluationDetails
	case "integer":
		details, _ := client.IntValueDetails(ctx, asked.Key, int64(asked.Default.(float64)), evalCtx)
		return details.Value, details.EvaluationDetails
	case "float":
		details, _ := client.FloatValueDetails(ctx, asked.Key, asked.Default.(float64), evalCtx)
		return details.Value, details.EvaluationDetails
	default:
		details, _ := client.ObjectValueDetails(ctx, asked.Key, asked.Default, evalCtx)
		return details.Value, details.EvaluationDetails
	}
}

func main() {
	var config configuration
	if err := json.Unmarshal([]byte(os.Args[1]), &config); err != nil {
		panic(err)
	}
	clients := map[string]*openfeature.Client{}
	for environment, key := range config.Environments {
		client, err := clientFor(config, environment, key)
		if err != nil {
			panic(err)
		}
		clients[environment] = client
	}
	say(line{"event": "STARTED"})
	lines := bufio.NewScanner(os.Stdin)
	lines.Buffer(nil, 1<<26)
	for lines.Scan() {
		var asked question
		if err := json.Unmarshal(lines.Bytes(), &asked); err != nil {
			panic(err)
		}
		evaluate(clients[asked.Environment], asked)
	}
}
