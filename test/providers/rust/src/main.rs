//! Evaluates the cases that arrive on stdin with a published provider; answers are JSON lines on stdout.
//!
//! The only argument is the configuration: {"mode", "host", "port", "environments": {name: key}}.
//! The SDK for Rust has no events yet.

use std::collections::HashMap;
use std::io::BufRead;
use std::sync::Arc;
use std::time::Instant;

use open_feature::{
    Client, EvaluationContext, EvaluationContextFieldValue, EvaluationError, EvaluationErrorCode, EvaluationDetails,
    EvaluationReason, OpenFeature, StructValue, Value as FeatureValue,
};
use open_feature_flagd::{FlagdOptions, FlagdProvider, ResolverType};
use open_feature_ofrep::{OfrepOptions, OfrepProvider};
use reqwest::header::{AUTHORIZATION, HeaderMap, HeaderValue};
use serde_json::{Map, Value, json};

#[tokio::main]
async fn main() {
    let config: Value = serde_json::from_str(&std::env::args().nth(1).expect("a configuration")).expect("JSON");
    let mut clients = HashMap::new();
    for (environment, key) in config["environments"].as_object().expect("environments") {
        set_provider(&config, environment, key.as_str().expect("a key")).await;
        clients.insert(environment.clone(), OpenFeature::singleton().await.create_named_client(environment));
    }
    println!("{}", json!({ "event": "STARTED" }));
    for line in std::io::stdin().lock().lines() {
        let asked: Value = serde_json::from_str(&line.expect("a line")).expect("JSON");
        evaluate(&clients[text(&asked["environment"])], &asked).await;
    }
}

async fn set_provider(config: &Value, environment: &str, key: &str) {
    let (host, port) = (text(&config["host"]), config["port"].as_u64().expect("a port") as u16);
    let mut api = OpenFeature::singleton_mut().await;
    if text(&config["mode"]) == "ofrep" {
        let bearer = HeaderValue::from_str(&format!("Bearer {key}")).expect("a key");
        let options = OfrepOptions {
            base_url: format!("http://{host}:{port}"),
            headers: HeaderMap::from_iter([(AUTHORIZATION, bearer)]),
            ..Default::default()
        };
        return api.set_named_provider(environment, OfrepProvider::new(options).await.expect("a provider")).await;
    }
    let is_in_process = text(&config["mode"]) == "in-process";
    let options = FlagdOptions {
        resolver_type: if is_in_process { ResolverType::InProcess } else { ResolverType::Rpc },
        // It sends no header, but the authority that stands behind an Envoy's address: the key is its first label.
        target_uri: Some(format!("envoy://{host}:{port}/{key}.flags.example")),
        deadline_ms: 20_000,
        retry_backoff_ms: 1_000,
        retry_backoff_max_ms: 1_000,
        // It listens to no events, so that its cache would keep answers for a minute.
        cache_settings: None,
        ..Default::default()
    };
    api.set_named_provider(environment, FlagdProvider::new(options).await.expect("a provider")).await;
}

async fn evaluate(client: &Client, asked: &Value) {
    let context = context_of(&asked["context"]);
    let (key, context) = (text(&asked["key"]), Some(&context));
    let started = Instant::now();
    let outcome = match text(&asked["type"]) {
        "boolean" => client.get_bool_details(key, context, None).await.map(FeatureDetails::from),
        "string" => client.get_string_details(key, context, None).await.map(FeatureDetails::from),
        "integer" => client.get_int_details(key, context, None).await.map(FeatureDetails::from),
        "float" => client.get_float_details(key, context, None).await.map(FeatureDetails::from),
        _ => client.get_struct_details::<StructValue>(key, context, None).await.map(FeatureDetails::from),
    };
    let ms = started.elapsed().as_secs_f64() * 1_000.0;
    let mut answer = answer_of(outcome, &asked["default"]);
    answer["id"] = asked["id"].clone();
    answer["ms"] = json!(ms);
    println!("{answer}");
}

/// Details whose value has a type of its own no more.
struct FeatureDetails(Value, Option<String>, Option<EvaluationReason>);

impl<T: Into<FeatureValue>> From<EvaluationDetails<T>> for FeatureDetails {
    fn from(details: EvaluationDetails<T>) -> Self {
        Self(plain(&details.value.into()), details.variant, details.reason)
    }
}

/// The SDK for Rust answers an error alone: the application applies its default itself.
fn answer_of(outcome: Result<FeatureDetails, EvaluationError>, fallback: &Value) -> Value {
    match outcome {
        Ok(FeatureDetails(value, variant, reason)) => {
            json!({ "value": value, "variant": variant, "reason": reason.map(|reason| reason.to_string()) })
        }
        Err(EvaluationError { code, message }) => {
            json!({ "value": fallback, "reason": "ERROR", "error": name_of(&code), "message": message })
        }
    }
}

fn name_of(code: &EvaluationErrorCode) -> &'static str {
    match code {
        EvaluationErrorCode::ProviderNotReady => "PROVIDER_NOT_READY",
        EvaluationErrorCode::FlagNotFound => "FLAG_NOT_FOUND",
        EvaluationErrorCode::ParseError => "PARSE_ERROR",
        EvaluationErrorCode::TypeMismatch => "TYPE_MISMATCH",
        EvaluationErrorCode::TargetingKeyMissing => "TARGETING_KEY_MISSING",
        EvaluationErrorCode::InvalidContext => "INVALID_CONTEXT",
        EvaluationErrorCode::General(_) => "GENERAL",
    }
}

fn context_of(fields: &Value) -> EvaluationContext {
    let mut context = EvaluationContext::default();
    for (name, value) in fields.as_object().expect("a context") {
        match value {
            Value::String(key) if name == "targetingKey" => context.targeting_key = Some(key.clone()),
            Value::String(text) => context.add_custom_field(name, text.as_str()),
            Value::Bool(truth) => context.add_custom_field(name, *truth),
            Value::Number(number) if number.is_i64() => context.add_custom_field(name, number.as_i64().expect("i64")),
            Value::Number(number) => context.add_custom_field(name, number.as_f64().expect("f64")),
            Value::Object(fields) => {
                context.add_custom_field(name, EvaluationContextFieldValue::Struct(Arc::new(structure(fields))))
            }
            _ => panic!("a context of Rust holds no {value}"),
        }
    }
    context
}

fn structure(fields: &Map<String, Value>) -> StructValue {
    let mut structure = StructValue::default();
    for (name, value) in fields {
        structure.add_field(name, feature_value(value));
    }
    structure
}

fn feature_value(value: &Value) -> FeatureValue {
    match value {
        Value::Null => FeatureValue::String(String::new()),
        Value::Bool(truth) => FeatureValue::Bool(*truth),
        Value::Number(number) => match number.as_i64() {
            Some(whole) => FeatureValue::Int(whole),
            None => FeatureValue::Float(number.as_f64().expect("f64")),
        },
        Value::String(text) => FeatureValue::String(text.clone()),
        Value::Array(items) => FeatureValue::Array(items.iter().map(feature_value).collect()),
        Value::Object(fields) => FeatureValue::Struct(structure(fields)),
    }
}

fn plain(value: &FeatureValue) -> Value {
    match value {
        FeatureValue::Bool(truth) => json!(truth),
        FeatureValue::Int(number) => json!(number),
        FeatureValue::Float(number) => json!(number),
        FeatureValue::String(text) => json!(text),
        FeatureValue::Array(items) => items.iter().map(plain).collect(),
        FeatureValue::Struct(held) => {
            Value::Object(held.fields.iter().map(|(name, value)| (name.clone(), plain(value))).collect())
        }
    }
}

fn text(value: &Value) -> &str {
    value.as_str().expect("text")
}
