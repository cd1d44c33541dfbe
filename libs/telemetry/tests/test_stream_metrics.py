"""Metrics of streams: bounded, and of the newest block alone."""

from hypothesis import given
from hypothesis import strategies as st
from prometheus_client import CollectorRegistry

from penstock.telemetry import names
from penstock.telemetry.bounded_label import OTHER
from penstock.telemetry.stream_metrics import StreamMetrics


def values(registry: CollectorRegistry, name: str) -> dict[tuple[str, ...], float]:
    return {
        tuple(sample.labels.values()): sample.value
        for family in registry.collect()
        for sample in family.samples
        if sample.name == name
    }


@given(st.lists(st.sampled_from("abcdef"), max_size=40))
def test_everything_is_counted_and_only_so_many_streams_are_named(streams: list[str]) -> None:
    registry = CollectorRegistry()
    metrics = StreamMetrics(registry, most_streams=3)
    for stream in streams:
        metrics.count_rejections(stream, "event", "out_of_range", 2)
        metrics.set_coverage(stream, "matured", 0.5)
    named = set(list(dict.fromkeys(streams))[:3])
    counted = values(registry, names.REJECTIONS)
    assert sum(counted.values()) == 2 * len(streams)
    assert {stream for stream, *_ in counted} - {OTHER} == named
    assert {stream for stream, _ in values(registry, names.COVERAGE)} == named


def test_under_a_new_objective_the_score_by_the_old_one_is_shown_no_more() -> None:
    registry = CollectorRegistry()
    metrics = StreamMetrics(registry)
    metrics.set_score("loans", "matured", "accuracy", 0.9)
    metrics.set_score("loans", "provisional", "accuracy", 0.8)
    metrics.set_score("loans", "matured", "log_loss", 0.3)
    assert values(registry, names.SCORE) == {
        ("loans", "provisional", "accuracy"): 0.8,
        ("loans", "matured", "log_loss"): 0.3,
    }


def test_versions_without_end_do_not_make_series_without_end() -> None:
    registry = CollectorRegistry()
    metrics = StreamMetrics(registry)
    for version in range(1500):
        metrics.count_predictions("loans", version, "stream", 1)
    counted = values(registry, names.PREDICTIONS)
    assert len(counted) == 1001
    assert sum(counted.values()) == 1500
