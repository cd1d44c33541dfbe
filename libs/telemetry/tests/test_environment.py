"""Tracing settings from environment variables."""

import pytest

from penstock.telemetry.environment import BadTelemetrySetting, TracingSettings, read_environment

OTLP = {"OTEL_EXPORTER_OTLP_ENDPOINT": "http://collector:4318/"}
ZIPKIN = {"OTEL_EXPORTER_ZIPKIN_ENDPOINT": "http://zipkin:9411/api/v2/spans"}


def read(environ: dict[str, str]) -> TracingSettings:
    return read_environment("validator", 0.01, environ)


@pytest.mark.parametrize(
    ("environ", "exporter", "endpoint"),
    [
        (OTLP, "otlp", "http://collector:4318/v1/traces"),
        (ZIPKIN, "zipkin", "http://zipkin:9411/api/v2/spans"),
        ({"OTEL_TRACES_EXPORTER": "otlp"}, "otlp", "http://localhost:4318/v1/traces"),
        ({"OTEL_TRACES_EXPORTER": "zipkin"}, "zipkin", "http://localhost:9411/api/v2/spans"),
        ({"OTEL_TRACES_EXPORTER": "otlp", **ZIPKIN, **OTLP}, "otlp", "http://collector:4318/v1/traces"),
        ({"OTEL_EXPORTER_OTLP_TRACES_ENDPOINT": "http://x/y"}, "otlp", "http://x/y"),
    ],
)
def test_where_spans_go(environ: dict[str, str], exporter: str, endpoint: str) -> None:
    tracing = read(environ)
    assert (tracing.exporter, tracing.endpoint) == (exporter, endpoint)


@pytest.mark.parametrize(
    "environ", [{}, {"OTEL_TRACES_EXPORTER": "none", **OTLP}, {"OTEL_SDK_DISABLED": "true", **OTLP}]
)
def test_spans_go_nowhere_without_settings(environ: dict[str, str]) -> None:
    assert read(environ).exporter == "none"


def test_the_name_and_the_resource() -> None:
    attributes = {"OTEL_RESOURCE_ATTRIBUTES": "zone=a%20b, service.name=v, broken,=x"}
    assert read({}).resource == {"service.name": "validator"}
    assert read(attributes).resource == {"service.name": "v", "zone": "a b"}
    assert read(attributes | {"OTEL_SERVICE_NAME": "w"}).resource["service.name"] == "w"


def test_the_ratio() -> None:
    assert read({}).ratio == 0.01
    assert read({"OTEL_TRACES_SAMPLER_ARG": "0.5"}).ratio == 0.5


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("OTEL_TRACES_SAMPLER_ARG", "many"),
        ("OTEL_TRACES_SAMPLER_ARG", "1.5"),
        ("OTEL_TRACES_SAMPLER_ARG", "nan"),
        ("OTEL_TRACES_EXPORTER", "jaeger"),
    ],
)
def test_a_wrong_value_is_named(name: str, value: str) -> None:
    with pytest.raises(BadTelemetrySetting, match=f"{name} is '{value}'; expected"):
        read({name: value})
