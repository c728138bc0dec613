"""Evaluates the cases that arrive on stdin with a published provider; answers and events are JSON lines on stdout.

The only argument is the configuration: {"mode", "host", "port", "certificate", "cache", "environments": {name: key}}.
"""

import json
import os
import sys
import time

import grpc
from openfeature import api
from openfeature.contrib.provider.flagd import FlagdProvider
from openfeature.contrib.provider.flagd.config import CacheType, ResolverType
from openfeature.contrib.provider.ofrep import OFREPProvider
from openfeature.evaluation_context import EvaluationContext
from openfeature.event import ProviderEvent

config = json.loads(sys.argv[1])


def say(**line):
    sys.stdout.write(json.dumps(line) + "\n")
    sys.stdout.flush()


def provider_for(key):
    if config["mode"] == "ofrep":
        url = f"http://{config['host']}:{config['port']}"
        return OFREPProvider(url, headers_factory=lambda: {"Authorization": f"Bearer {key}"})
    options = {
        "host": config["host"],
        "port": config["port"],
        "deadline_ms": 20_000,
        "retry_backoff_ms": 1_000,
        "retry_backoff_max_ms": 1_000,
        "retry_grace_period": 2,
        "cache": CacheType.LRU if config["cache"] else CacheType.DISABLED,
    }
    if config["mode"] == "in-process":
        return FlagdProvider(
            resolver_type=ResolverType.IN_PROCESS, default_authority=f"{key}.flags.example", **options
        )
    # Over rpc the provider ignores default_authority: the key goes as a header, which gRPC sends over TLS only.
    with open(config["certificate"], "rb") as file:
        tls = grpc.ssl_channel_credentials(file.read())
    header = grpc.access_token_call_credentials(key)
    return FlagdProvider(
        resolver_type=ResolverType.RPC,
        channel_credentials=grpc.composite_channel_credentials(tls, header),
        **options,
    )


def client_for(environment, key):
    client = api.get_client(domain=environment)
    for name in ("READY", "STALE", "ERROR", "CONFIGURATION_CHANGED"):
        client.add_handler(
            ProviderEvent[f"PROVIDER_{name}"],
            lambda details, name=name: say(environment=environment, event=name, flags=details.flags_changed),
        )
    api.set_provider_and_wait(provider_for(key), domain=environment)
    return client


def number(digits):
    """JSON writes a whole float without a point: 1e20 is no integer of 64 bits."""
    return int(digits) if abs(int(digits)) < 2**63 else float(digits)


def evaluate(client, case):
    attributes = dict(case["context"])
    context = EvaluationContext(attributes.pop("targetingKey", None), attributes)
    default = float(case["default"]) if case["type"] == "float" else case["default"]
    started = time.perf_counter()
    details = getattr(client, f"get_{case['type']}_details")(case["key"], default, context)
    say(
        id=case["id"],
        value=details.value,
        variant=details.variant,
        reason=details.reason,
        error=details.error_code,
        message=details.error_message,
        ms=(time.perf_counter() - started) * 1_000,
    )


clients = {environment: client_for(environment, key) for environment, key in config["environments"].items()}
say(event="STARTED")
for line in sys.stdin:
    case = json.loads(line, parse_int=number)
    evaluate(clients[case["environment"]], case)
sys.stdout.flush()
os._exit(0)  # gRPC's threads would keep the process for seconds
