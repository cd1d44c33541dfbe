"""The metrics that every service exposes to Prometheus."""

from typing import Literal

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest
from prometheus_client.exposition import CONTENT_TYPE_LATEST

from penstock.telemetry import names
from penstock.telemetry.bounded_label import OTHER, BoundedLabel
from penstock.telemetry.process_metrics import ProcessMetrics
from penstock.telemetry.stream_metrics import StreamMetrics

_METHODS = frozenset({"DELETE", "GET", "HEAD", "OPTIONS", "PATCH", "POST", "PUT"})
_SECONDS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)


class Metrics:
    """The metrics of one process, in a registry of their own.

    Each label takes at most `most_values` different values; further ones are counted as `other`, so that requests
    cannot make the metrics grow without bound. `streams` are those of streams, `process` those of the process itself.

    >>> metrics = Metrics()
    >>> metrics.count_consumed("penstock.power.events", 512)
    >>> body, content_type = metrics.exposition()
    >>> b'penstock_records_consumed_total{topic="penstock.power.events"} 512.0' in body
    True
    """

    def __init__(self, most_values: int = 1000) -> None:
        self.registry = CollectorRegistry()
        self.streams = StreamMetrics(self.registry)
        self.process = ProcessMetrics(self.registry)
        self._topics = BoundedLabel(most_values)
        self._streams = BoundedLabel(most_values)
        self._routes = BoundedLabel(most_values)
        self._consumed = self._counter(names.RECORDS_CONSUMED, "Records read, by topic.")
        self._produced = self._counter(names.RECORDS_PRODUCED, "Records acknowledged by the broker, by topic.")
        self._dead_lettered = self._counter(names.RECORDS_DEAD_LETTERED, "Records that could not be read.")
        self._rejected = self._counter(names.RECORDS_REJECTED, "Records refused with a reason, by topic.")
        self._duplicate = self._counter(names.RECORDS_DUPLICATE, "Records dropped as duplicates, by topic.")
        self._missing = self._counter(names.RECORDS_MISSING, "Records lost before they were read, by topic.")
        self._lag = Gauge(names.CONSUMER_LAG, "Records still to be read.", ["topic"], registry=self.registry)
        self._retention_left = Gauge(
            names.RETENTION_LEFT,
            "Until retention deletes what the slowest group has not read.",
            ["stream"],
            registry=self.registry,
        )
        self._failing_units = Gauge(
            names.FAILING_UNITS, "Units that are held back.", ["group", "state"], registry=self.registry
        )
        self._epoch = Gauge(names.SERVING_EPOCH, "Epoch in force.", ["stream"], registry=self.registry)
        self._handle = Histogram(
            names.HANDLE_SECONDS, "Handling of a batch.", ["topic"], buckets=_SECONDS, registry=self.registry
        )
        self._unconfirmed = Counter(
            names.ANSWERS_UNCONFIRMED, "Answers given that the log did not confirm.", registry=self.registry
        )
        self._corrupt = Counter(
            names.STATES_CORRUPT, "States that were corrupt, set aside and rebuilt.", registry=self.registry
        )
        self._checkpoints = Counter(
            names.CHECKPOINTS,
            "Checkpoints of states: stored, fetched, not stored (failed), or not to be used (unusable).",
            ["result"],
            registry=self.registry,
        )
        labels = ["method", "route", "status"]
        self._requests = Counter(names.HTTP_REQUESTS, "Requests answered.", labels, registry=self.registry)
        self._request_seconds = Histogram(
            names.HTTP_SECONDS, "Duration of a request.", labels, buckets=_SECONDS, registry=self.registry
        )
        self._by_labels: dict[tuple[str, str, int], tuple[Counter, Histogram]] = {}

    def count_consumed(self, topic: str, count: int = 1) -> None:
        """Count records read from a topic."""
        self._consumed.labels(self._topics(topic)).inc(count)

    def count_produced(self, topic: str, count: int = 1) -> None:
        """Count records that the broker has acknowledged."""
        self._produced.labels(self._topics(topic)).inc(count)

    def count_dead_lettered(self, topic: str, count: int = 1) -> None:
        """Count records of a topic that went to the dead letters."""
        self._dead_lettered.labels(self._topics(topic)).inc(count)

    def count_rejected(self, topic: str, count: int = 1) -> None:
        """Count records of a topic that were refused with a reason."""
        self._rejected.labels(self._topics(topic)).inc(count)

    def count_duplicates(self, topic: str, count: int = 1) -> None:
        """Count records of a topic that were dropped as duplicates."""
        self._duplicate.labels(self._topics(topic)).inc(count)

    def count_missing(self, topic: str, count: int = 1) -> None:
        """Count records of a topic that expired or were lost before they were read."""
        self._missing.labels(self._topics(topic)).inc(count)

    def set_consumer_lag(self, topic: str, records: int) -> None:
        """Set how many records of a topic this process has still to read, over all its partitions."""
        self._lag.labels(self._topics(topic)).set(records)

    def remove_consumer_lag(self, topic: str) -> None:
        """Say no consumer lag of a topic that this process reads no more."""
        label = self._topics(topic)
        if label != OTHER:
            self._lag.remove(label)

    def set_retention_left(self, stream: str, seconds: float) -> None:
        """Set in how many seconds retention deletes what the slowest group of a stream has not read."""
        self._retention_left.labels(self._streams(stream)).set(seconds)

    def set_failing_units(self, group: str, failing: int, suspended: int) -> None:
        """Set how many units of a group are held back: those that are tried again, and those that are suspended."""
        self._failing_units.labels(group, "failing").set(failing)
        self._failing_units.labels(group, "suspended").set(suspended)

    def count_corrupt_state(self) -> None:
        """Count a unit's state that was corrupt, and was set aside to be rebuilt."""
        self._corrupt.inc()

    def count_checkpoint(self, result: Literal["stored", "fetched", "failed", "unusable"]) -> None:
        """Count what became of a checkpoint of a unit's state."""
        self._checkpoints.labels(result).inc()

    def set_epoch(self, stream: str, epoch: int) -> None:
        """Set the epoch at which this process answers a stream."""
        self._epoch.labels(self._streams(stream)).set(epoch)

    def observe_batch(self, topic: str, seconds: float) -> None:
        """Observe how long a batch of a topic took to handle."""
        self._handle.labels(self._topics(topic)).observe(seconds)

    def count_unconfirmed(self, count: int) -> None:
        """Count answers that were given before the log confirmed them, and that it then did not confirm."""
        self._unconfirmed.inc(count)

    def observe_request(self, method: str, route: str, status: int, seconds: float) -> None:
        """Observe an answered HTTP request; `route` is the template, or a fixed text if no route matched."""
        labels = (method if method in _METHODS else OTHER, self._routes(route), status)
        requests, seconds_histogram = self._by_labels.get(labels) or self._metrics_with(labels)
        requests.inc()
        seconds_histogram.observe(seconds)

    def _metrics_with(self, labels: tuple[str, str, int]) -> tuple[Counter, Histogram]:
        """Looking labels up costs as much as the rest of an observation, so it is done once for each."""
        texts = tuple(map(str, labels))
        metrics = self._by_labels[labels] = (self._requests.labels(*texts), self._request_seconds.labels(*texts))
        return metrics

    def exposition(self) -> tuple[bytes, str]:
        """The body and the content type of the response to Prometheus."""
        return generate_latest(self.registry), CONTENT_TYPE_LATEST

    def _counter(self, name: str, documentation: str) -> Counter:
        return Counter(name, documentation, ["topic"], registry=self.registry)
