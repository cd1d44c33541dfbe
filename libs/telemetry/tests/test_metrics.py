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


def test_what_happened_is_shown() -> None:
    metrics = Metrics()
    metrics.consumed("events", 512)
    metrics.consumed("events")
    metrics.produced("predictions", 512)
    metrics.dead_lettered("events")
    metrics.rejected("received", 2)
    metrics.lag("events", 40)
    metrics.lag("events", 4)
    metrics.epoch("power", 3)
    metrics.handled("events", 0.003)
    metrics.answered("POST", "/predict", 200, 0.02)
    shown = samples(metrics)
    assert shown[names.RECORDS_CONSUMED, (("topic", "events"),)] == 513
    assert shown[names.RECORDS_PRODUCED, (("topic", "predictions"),)] == 512
    assert shown[names.RECORDS_DEAD_LETTERED, (("topic", "events"),)] == 1
    assert shown[names.RECORDS_REJECTED, (("topic", "received"),)] == 2
    assert shown[names.LAG, (("topic", "events"),)] == 4
    assert shown[names.SERVING_EPOCH, (("stream", "power"),)] == 3
    assert shown[names.HANDLE_SECONDS + "_sum", (("topic", "events"),)] == 0.003
    request = (("method", "POST"), ("route", "/predict"), ("status", "200"))
    assert shown[names.HTTP_REQUESTS, request] == 1
    assert shown[names.HTTP_SECONDS + "_count", request] == 1


@given(st.lists(st.text(), max_size=40), st.lists(st.text(), max_size=40))
def test_labels_are_bounded_and_nothing_goes_uncounted(topics: list[str], methods: list[str]) -> None:
    metrics = Metrics(most_values=3)
    for topic in topics:
        metrics.consumed(topic)
    for method in methods:
        metrics.answered(method, "/", 200, 0.0)
    counts = [count for (name, _), count in samples(metrics).items() if name == names.RECORDS_CONSUMED]
    requests = [count for (name, _), count in samples(metrics).items() if name == names.HTTP_REQUESTS]
    assert sum(counts) == len(topics)
    assert len(counts) <= 4
    assert sum(requests) == len(methods)
    assert len(requests) <= 8


def test_two_processes_in_one_do_not_mix() -> None:
    one, other = Metrics(), Metrics()
    one.consumed("events")
    assert (names.RECORDS_CONSUMED, (("topic", "events"),)) not in samples(other)
