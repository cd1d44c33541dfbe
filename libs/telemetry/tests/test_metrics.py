"""Metrics as Prometheus reads them."""

from hypothesis import given
from hypothesis import strategies as st
from prometheus_client.parser import text_string_to_metric_families

from penstock.telemetry import Metrics, names


def samples(metrics: Metrics) -> dict[tuple[str, tuple[tuple[str, str], ...]], float]:
    body, _ = metrics.exposition()
    return {
        (sample.name, tuple(sorted(sample.labels.items()))): sample.value
        for family in text_string_to_metric_families(body.decode())
        for sample in family.samples
    }


def test_each_method_changes_its_metric() -> None:
    metrics = Metrics()
    metrics.count_consumed("events", 512)
    metrics.count_consumed("events")
    metrics.count_produced("predictions", 512)
    metrics.count_dead_lettered("events")
    metrics.count_rejected("received", 2)
    metrics.set_consumer_lag("events", 40)
    metrics.set_consumer_lag("events", 4)
    metrics.set_epoch("power", 3)
    metrics.observe_batch("events", 0.003)
    metrics.observe_request("POST", "/predict", 200, 0.02)
    exposed = samples(metrics)
    assert exposed[names.RECORDS_CONSUMED, (("topic", "events"),)] == 513
    assert exposed[names.RECORDS_PRODUCED, (("topic", "predictions"),)] == 512
    assert exposed[names.RECORDS_DEAD_LETTERED, (("topic", "events"),)] == 1
    assert exposed[names.RECORDS_REJECTED, (("topic", "received"),)] == 2
    assert exposed[names.CONSUMER_LAG, (("topic", "events"),)] == 4
    assert exposed[names.SERVING_EPOCH, (("stream", "power"),)] == 3
    assert exposed[names.HANDLE_SECONDS + "_sum", (("topic", "events"),)] == 0.003
    request = (("method", "POST"), ("route", "/predict"), ("status", "200"))
    assert exposed[names.HTTP_REQUESTS, request] == 1
    assert exposed[names.HTTP_SECONDS + "_count", request] == 1


@given(st.lists(st.text(), max_size=40), st.lists(st.text(), max_size=40))
def test_labels_are_bounded_and_everything_is_counted(topics: list[str], methods: list[str]) -> None:
    metrics = Metrics(most_values=3)
    for topic in topics:
        metrics.count_consumed(topic)
    for method in methods:
        metrics.observe_request(method, "/", 200, 0.0)
    counts = [count for (name, _), count in samples(metrics).items() if name == names.RECORDS_CONSUMED]
    requests = [count for (name, _), count in samples(metrics).items() if name == names.HTTP_REQUESTS]
    assert sum(counts) == len(topics)
    assert len(counts) <= 4
    assert sum(requests) == len(methods)
    assert len(requests) <= 8


def test_two_services_in_one_process_have_separate_metrics() -> None:
    first, second = Metrics(), Metrics()
    first.count_consumed("events")
    assert (names.RECORDS_CONSUMED, (("topic", "events"),)) not in samples(second)
