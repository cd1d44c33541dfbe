"""The numbers that every service shows to Prometheus."""

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest
from prometheus_client.exposition import CONTENT_TYPE_LATEST

from penstock.telemetry import names

OTHER = "other"
"""What a label says once it has taken as many values as it may."""

_METHODS = frozenset({"DELETE", "GET", "HEAD", "OPTIONS", "PATCH", "POST", "PUT"})
_SECONDS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)


class Metrics:
    """One process's metrics, in a registry of their own.

    Each label keeps at most `most_values` different values; further ones are counted as `other`, so that
    nobody outside can make the metrics grow without bound.

    >>> metrics = Metrics()
    >>> metrics.consumed("penstock.power.events", 512)
    >>> body, content_type = metrics.exposition()
    >>> b'penstock_records_consumed_total{topic="penstock.power.events"} 512.0' in body
    True
    """

    def __init__(self, most_values: int = 1000) -> None:
        self.registry = CollectorRegistry()
        self._topics = _Bounded(most_values)
        self._streams = _Bounded(most_values)
        self._routes = _Bounded(most_values)
        self._consumed = self._counter(names.RECORDS_CONSUMED, "Records read, by topic.")
        self._produced = self._counter(names.RECORDS_PRODUCED, "Records acknowledged by the broker, by topic.")
        self._dead_lettered = self._counter(names.RECORDS_DEAD_LETTERED, "Records that could not be read.")
        self._rejected = self._counter(names.RECORDS_REJECTED, "Records refused with a reason, by topic.")
        self._duplicate = self._counter(names.RECORDS_DUPLICATE, "Records that said again what was said, by topic.")
        self._lag = Gauge(names.LAG, "Records still to be read.", ["topic"], registry=self.registry)
        self._epoch = Gauge(names.SERVING_EPOCH, "Epoch in force.", ["stream"], registry=self.registry)
        self._handle = Histogram(
            names.HANDLE_SECONDS, "Handling of a batch.", ["topic"], buckets=_SECONDS, registry=self.registry
        )
        self._unconfirmed = Counter(
            names.ANSWERS_UNCONFIRMED, "Answers given that the log did not confirm.", registry=self.registry
        )
        labels = ["method", "route", "status"]
        self._requests = Counter(names.HTTP_REQUESTS, "Requests answered.", labels, registry=self.registry)
        self._answering = Histogram(
            names.HTTP_SECONDS, "Answering of a request.", labels, buckets=_SECONDS, registry=self.registry
        )
        self._answers: dict[tuple[str, str, int], tuple[Counter, Histogram]] = {}

    def consumed(self, topic: str, count: int = 1) -> None:
        """Records read from a topic."""
        self._consumed.labels(self._topics(topic)).inc(count)

    def produced(self, topic: str, count: int = 1) -> None:
        """Records that the broker has acknowledged."""
        self._produced.labels(self._topics(topic)).inc(count)

    def dead_lettered(self, topic: str, count: int = 1) -> None:
        """Records of this topic that went to its dead letters."""
        self._dead_lettered.labels(self._topics(topic)).inc(count)

    def rejected(self, topic: str, count: int = 1) -> None:
        """Records of this topic that were refused with a reason."""
        self._rejected.labels(self._topics(topic)).inc(count)

    def duplicate(self, topic: str, count: int = 1) -> None:
        """Records of this topic that were dropped as equal to an earlier one."""
        self._duplicate.labels(self._topics(topic)).inc(count)

    def lag(self, topic: str, records: int) -> None:
        """Records of a topic that this process has still to read, over all partitions it holds."""
        self._lag.labels(self._topics(topic)).set(records)

    def epoch(self, stream: str, epoch: int) -> None:
        """The epoch that this process answers a stream under."""
        self._epoch.labels(self._streams(stream)).set(epoch)

    def handled(self, topic: str, seconds: float) -> None:
        """How long the handling of a batch took."""
        self._handle.labels(self._topics(topic)).observe(seconds)

    def unconfirmed(self, count: int) -> None:
        """Answers that were given before the log had confirmed them, and that it then did not."""
        self._unconfirmed.inc(count)

    def answered(self, method: str, route: str, status: int, seconds: float) -> None:
        """An HTTP request; `route` is the template, or anything fixed when no route matched."""
        labels = (method if method in _METHODS else OTHER, self._routes(route), status)
        requests, answering = self._answers.get(labels) or self._labelled(labels)
        requests.inc()
        answering.observe(seconds)

    def _labelled(self, labels: tuple[str, str, int]) -> tuple[Counter, Histogram]:
        """Looking a label up costs as much as the rest of a request's observation, so it is done once."""
        texts = tuple(map(str, labels))
        found = self._answers[labels] = (self._requests.labels(*texts), self._answering.labels(*texts))
        return found

    def exposition(self) -> tuple[bytes, str]:
        """The body and the content type of the answer to Prometheus."""
        return generate_latest(self.registry), CONTENT_TYPE_LATEST

    def _counter(self, name: str, says: str) -> Counter:
        return Counter(name, says, ["topic"], registry=self.registry)


class _Bounded:
    """Lets the first so many different values through, and calls all later ones `other`."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._seen: set[str] = set()

    def __call__(self, value: str) -> str:
        if value in self._seen:
            return value
        if len(self._seen) >= self._most:
            return OTHER
        self._seen.add(value)
        return value
