"""Settings of traces and logs from the OpenTelemetry environment variables."""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import unquote

_EXPORTERS = ("none", "otlp", "zipkin")


class BadTelemetrySetting(ValueError):
    """An OpenTelemetry variable has an invalid value; the message names it."""


@dataclass(frozen=True, slots=True)
class TracingSettings:
    """How a service is traced.

    Attributes:
        exporter: `none`, `otlp` or `zipkin`.
        endpoint: the URL that spans are sent to.
        ratio: the share of new traces that are recorded, 0 to 1.
        resource: attributes of the service, `service.name` among them.
        traces_per_second: how many traces begin by chance a second at most; None: without a limit.
    """

    exporter: str
    endpoint: str
    ratio: float
    resource: Mapping[str, str]
    traces_per_second: float | None = None


def read_environment(service: str, ratio: float, environ: Mapping[str, str]) -> TracingSettings:
    """The settings in the environment, with the given service name and ratio as defaults.

    Without `OTEL_TRACES_EXPORTER` the exporter is the one whose endpoint is set, Zipkin before OTLP, else none.

    Raises:
        BadTelemetrySetting: a variable has an invalid value.
    """
    exporter = _exporter(environ)
    resource = service_resource(service, environ)
    endpoint, rate = _endpoint(exporter, environ), _traces_per_second(environ)
    return TracingSettings(exporter, endpoint, _ratio(ratio, environ), resource, rate)


def read_log_endpoint(environ: Mapping[str, str]) -> str | None:
    """The URL that log lines are sent to by OTLP; None: they are not sent, as without `OTEL_LOGS_EXPORTER`.

    Raises:
        BadTelemetrySetting: `OTEL_LOGS_EXPORTER` is neither `otlp` nor `none`.
    """
    exporter = environ.get("OTEL_LOGS_EXPORTER", "").strip().lower() or "none"
    if exporter not in ("otlp", "none"):
        raise BadTelemetrySetting(f"OTEL_LOGS_EXPORTER is {exporter!r}; expected otlp or none")
    if exporter == "none" or _is_disabled(environ):
        return None
    return environ.get("OTEL_EXPORTER_OTLP_LOGS_ENDPOINT") or f"{_otlp_base(environ)}/v1/logs"


def _exporter(environ: Mapping[str, str]) -> str:
    if _is_disabled(environ):
        return "none"
    named = environ.get("OTEL_TRACES_EXPORTER", "").strip().lower()
    if named and named not in _EXPORTERS:
        raise BadTelemetrySetting(f"OTEL_TRACES_EXPORTER is {named!r}; expected one of {', '.join(_EXPORTERS)}")
    return named or _exporter_with_endpoint(environ)


def _is_disabled(environ: Mapping[str, str]) -> bool:
    return environ.get("OTEL_SDK_DISABLED", "").strip().lower() == "true"


def _exporter_with_endpoint(environ: Mapping[str, str]) -> str:
    if environ.get("OTEL_EXPORTER_ZIPKIN_ENDPOINT"):
        return "zipkin"
    otlp = ("OTEL_EXPORTER_OTLP_ENDPOINT", "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT")
    return "otlp" if any(environ.get(name) for name in otlp) else "none"


def _endpoint(exporter: str, environ: Mapping[str, str]) -> str:
    if exporter == "zipkin":
        return environ.get("OTEL_EXPORTER_ZIPKIN_ENDPOINT") or "http://localhost:9411/api/v2/spans"
    if traces_endpoint := environ.get("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT"):
        return traces_endpoint
    return f"{_otlp_base(environ)}/v1/traces"


def _otlp_base(environ: Mapping[str, str]) -> str:
    return (environ.get("OTEL_EXPORTER_OTLP_ENDPOINT") or "http://localhost:4318").rstrip("/")


def _ratio(default: float, environ: Mapping[str, str]) -> float:
    text = environ.get("OTEL_TRACES_SAMPLER_ARG", "").strip()
    try:
        ratio = float(text) if text else default
    except ValueError:
        ratio = math.nan
    if not 0 <= ratio <= 1:
        raise BadTelemetrySetting(f"OTEL_TRACES_SAMPLER_ARG is {text or default!r}; expected a number from 0 to 1")
    return ratio


def _traces_per_second(environ: Mapping[str, str]) -> float | None:
    text = environ.get("PENSTOCK_TRACES_PER_SECOND", "").strip()
    try:
        rate = float(text) if text else None
    except ValueError:
        rate = math.nan
    if rate is not None and not 0 < rate < math.inf:
        raise BadTelemetrySetting(f"PENSTOCK_TRACES_PER_SECOND is {text!r}; expected a number above 0")
    return rate


def service_resource(service: str, environ: Mapping[str, str]) -> dict[str, str]:
    """What is known of a service: its name, and what `OTEL_RESOURCE_ATTRIBUTES` and `OTEL_SERVICE_NAME` add."""
    pairs = (pair.partition("=") for pair in environ.get("OTEL_RESOURCE_ATTRIBUTES", "").split(","))
    named = {key.strip(): unquote(value.strip()) for key, equals, value in pairs if equals and key.strip()}
    return {"service.name": service} | named | _service_name(environ)


def _service_name(environ: Mapping[str, str]) -> dict[str, str]:
    name = environ.get("OTEL_SERVICE_NAME")
    return {"service.name": name} if name else {}
