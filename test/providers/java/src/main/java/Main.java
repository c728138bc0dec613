import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.google.common.collect.ImmutableList;
import com.google.common.collect.ImmutableMap;
import dev.openfeature.contrib.providers.flagd.Config;
import dev.openfeature.contrib.providers.flagd.FlagdOptions;
import dev.openfeature.contrib.providers.flagd.FlagdProvider;
import dev.openfeature.contrib.providers.ofrep.OfrepProvider;
import dev.openfeature.contrib.providers.ofrep.OfrepProviderOptions;
import dev.openfeature.sdk.Client;
import dev.openfeature.sdk.EvaluationContext;
import dev.openfeature.sdk.FeatureProvider;
import dev.openfeature.sdk.FlagEvaluationDetails;
import dev.openfeature.sdk.ImmutableContext;
import dev.openfeature.sdk.ImmutableStructure;
import dev.openfeature.sdk.OpenFeatureAPI;
import dev.openfeature.sdk.ProviderEvent;
import dev.openfeature.sdk.Value;
import io.grpc.ClientInterceptor;
import io.grpc.Metadata;
import io.grpc.stub.MetadataUtils;
import java.io.BufferedReader;
import java.io.InputStreamReader;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/**
 * Evaluates the cases that arrive on stdin with a published provider; answers and events are JSON lines on stdout.
 *
 * <p>The only argument is the configuration: {"mode", "host", "port", "cache", "environments": {name: key}}.
 */
public final class Main {
    private static final ObjectMapper JSON = new ObjectMapper();
    private static final PrintStream OUT = new PrintStream(System.out, false, StandardCharsets.UTF_8);

    public static void main(String[] args) throws Exception {
        JsonNode config = JSON.readTree(args[0]);
        Map<String, Client> clients = new HashMap<>();
        for (var environment : (Iterable<Map.Entry<String, JsonNode>>) config.get("environments")::fields) {
            clients.put(environment.getKey(), clientFor(config, environment.getKey(), environment.getValue().asText()));
        }
        say(Map.of("event", "STARTED"));
        var in = new BufferedReader(new InputStreamReader(System.in, StandardCharsets.UTF_8));
        for (String line = in.readLine(); line != null; line = in.readLine()) {
            JsonNode asked = JSON.readTree(line);
            evaluate(clients.get(asked.get("environment").asText()), asked);
        }
        System.exit(0);
    }

    private static synchronized void say(Map<String, ?> message) {
        try {
            OUT.println(JSON.writeValueAsString(message));
            OUT.flush();
        } catch (Exception cause) {
            throw new IllegalStateException(cause);
        }
    }

    private static Client clientFor(JsonNode config, String environment, String key) {
        OpenFeatureAPI api = OpenFeatureAPI.getInstance();
        Client client = api.getClient(environment);
        Map.of(
                        "READY", ProviderEvent.PROVIDER_READY,
                        "STALE", ProviderEvent.PROVIDER_STALE,
                        "ERROR", ProviderEvent.PROVIDER_ERROR,
                        "CONFIGURATION_CHANGED", ProviderEvent.PROVIDER_CONFIGURATION_CHANGED)
                .forEach((name, event) -> client.on(event, details -> {
                    List<String> flags = details.getFlagsChanged();
                    say(Map.of("event", name, "environment", environment, "flags", flags == null ? List.of() : flags));
                }));
        api.setProviderAndWait(environment, providerFor(config, key));
        return client;
    }

    private static FeatureProvider providerFor(JsonNode config, String key) {
        String host = config.get("host").asText();
        int port = config.get("port").asInt();
        if (config.get("mode").asText().equals("ofrep")) {
            return OfrepProvider.constructProvider(OfrepProviderOptions.builder()
                    .baseUrl("http://" + host + ":" + port)
                    .headers(ImmutableMap.of("Authorization", ImmutableList.of("Bearer " + key)))
                    .build());
        }
        boolean isInProcess = config.get("mode").asText().equals("in-process");
        return new FlagdProvider(FlagdOptions.builder()
                .resolverType(isInProcess ? Config.Resolver.IN_PROCESS : Config.Resolver.RPC)
                .host(host)
                .port(port)
                .cacheType(config.get("cache").asBoolean() ? "lru" : "disabled")
                .deadline(20_000)
                .retryBackoffMs(1_000)
                .retryGracePeriod(2)
                .clientInterceptors(List.of(header(key)))
                .build());
    }

    private static ClientInterceptor header(String key) {
        Metadata headers = new Metadata();
        headers.put(Metadata.Key.of("authorization", Metadata.ASCII_STRING_MARSHALLER), "Bearer " + key);
        return MetadataUtils.newAttachHeadersInterceptor(headers);
    }

    private static void evaluate(Client client, JsonNode asked) {
        EvaluationContext context = contextOf(asked.get("context"));
        long started = System.nanoTime();
        FlagEvaluationDetails<?> details = detailsOf(client, asked, context);
        Map<String, Object> answer = new LinkedHashMap<>();
        answer.put("id", asked.get("id").asInt());
        answer.put("value", plain(details.getValue()));
        answer.put("variant", details.getVariant());
        answer.put("reason", details.getReason());
        answer.put("error", details.getErrorCode() == null ? null : details.getErrorCode().name());
        answer.put("message", details.getErrorMessage());
        answer.put("ms", (System.nanoTime() - started) / 1e6);
        say(answer);
    }

    private static FlagEvaluationDetails<?> detailsOf(Client client, JsonNode asked, EvaluationContext context) {
        String key = asked.get("key").asText();
        JsonNode fallback = asked.get("default");
        switch (asked.get("type").asText()) {
            case "boolean":
                return client.getBooleanDetails(key, fallback.asBoolean(), context);
            case "string":
                return client.getStringDetails(key, fallback.asText(), context);
            case "integer":
                return client.getIntegerDetails(key, fallback.asInt(), context);
            case "float":
                return client.getDoubleDetails(key, fallback.asDouble(), context);
            default:
                return client.getObjectDetails(key, valueOf(fallback), context);
        }
    }

    private static EvaluationContext contextOf(JsonNode fields) {
        Map<String, Value> attributes = new HashMap<>(valueOf(fields).asStructure().asMap());
        Value targetingKey = attributes.get("targetingKey");
        return targetingKey != null && targetingKey.isString()
                ? new ImmutableContext(targetingKey.asString(), attributes)
                : new ImmutableContext(attributes);
    }

    /** JSON writes a whole number without a point: what no long holds was a double. */
    private static Value valueOf(JsonNode node) {
        if (node.isBigInteger()) {
            return new Value(node.asDouble());
        }
        if (!node.isObject()) {
            return Value.objectToValue(JSON.convertValue(node, Object.class));
        }
        Map<String, Value> fields = new HashMap<>();
        node.fields().forEachRemaining(field -> fields.put(field.getKey(), valueOf(field.getValue())));
        return new Value(new ImmutableStructure(fields));
    }

    private static Object plain(Object value) {
        if (!(value instanceof Value)) {
            return value;
        }
        Value held = (Value) value;
        return held.isStructure() ? held.asStructure().asObjectMap() : held.asObject();
    }
}
