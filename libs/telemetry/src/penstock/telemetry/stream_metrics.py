"""The metrics of streams: what the records that a service writes say of their quality, models and trainings."""

from prometheus_client import CollectorRegistry, Counter, Gauge

from penstock.telemetry import names
from penstock.telemetry.bounded_label import OTHER, BoundedLabel

MOST_STREAMS = 200  # each has some fifty series, and a page of 10,000 takes a tenth of a second
MOST_VERSIONS = 1000  # of all streams


class StreamMetrics:
    """Metrics with a label for the stream, in the registry of the process.

    The first 200 streams have their own; what is counted of the others is counted as `other`, and what is measured of
    them, such as scores, is left out. Counters count what was written; work that is repeated after a failure is counted
    again.
    """

    def __init__(self, registry: CollectorRegistry, most_streams: int = MOST_STREAMS) -> None:
        self._streams = BoundedLabel(most_streams)
        self._versions = BoundedLabel(MOST_VERSIONS)
        self._named: dict[tuple[Gauge, str, str], str] = {}

        def gauge(name: str, documentation: str, *labels: str) -> Gauge:
            return Gauge(name, documentation, ["stream", *labels], registry=registry)

        def counter(name: str, documentation: str, *labels: str) -> Counter:
            return Counter(name, documentation, ["stream", *labels], registry=registry)

        self._score = gauge(names.SCORE, "Score of the newest block of outcomes, by the objective.", "clock", "metric")
        self._loss = gauge(names.LOSS, "Mean loss in the newest block of outcomes; lower is better.", "clock", "loss")
        self._estimate = gauge(names.SCORE_ESTIMATE, "Score of the newest block, estimated without labels.")
        self._coverage = gauge(names.COVERAGE, "Share of the newest block of outcomes that has a label.", "clock")
        self._time = gauge(names.OUTCOMES_TIME, "Newest event time in the newest block of outcomes.", "clock")
        self._outcomes = counter(names.OUTCOMES, "Outcomes, with a label (joined) or without (expired).", "result")
        self._unmet = counter(names.LABELS_UNMET, "Labels dropped: their event did not come within the horizon.")
        self._rejections = counter(names.REJECTIONS, "Records rejected, by reason code.", "kind", "code")
        self._drifts = counter(names.DRIFTS, "Drifts found.", "kind", "status")
        self._alerts = counter(
            names.ALERTS, "Alerts written; without a stream those of the deployment.", "kind", "state"
        )
        self._epochs = counter(names.EPOCHS, "Epochs begun; a return is a rollback that nobody commanded.", "reason")
        self._trainings = counter(names.TRAININGS, "Training runs that came to this status.", "reason", "status")
        self._training_cpu = counter(names.TRAINING_CPU, "CPU time of training runs that ended.")
        self._predictions = counter(names.PREDICTIONS, "Predictions made.", "version", "route")
        self._notifications = counter(
            names.NOTIFICATIONS, "Alerts that a destination took or refused.", "destination", "outcome"
        )
        self._unread = gauge(names.UNREAD, "Records of a topic that its slowest group has not read.", "topic", "group")

    def set_score(self, stream: str, clock: str, metric: str, score: float) -> None:
        """Set the score of the newest block; `clock` is `provisional` or `matured`."""
        self._set_named(self._score, stream, clock, metric, score)

    def set_loss(self, stream: str, clock: str, loss: str, mean: float) -> None:
        """Set the mean loss of an answer in the newest block."""
        self._set_named(self._loss, stream, clock, loss, mean)

    def set_estimate(self, stream: str, score: float) -> None:
        """Set the score that was estimated without labels."""
        self._set(self._estimate, score, stream)

    def set_coverage(self, stream: str, clock: str, share: float) -> None:
        """Set the share of the newest block that has a label."""
        self._set(self._coverage, share, stream, clock)

    def set_outcomes_time(self, stream: str, clock: str, seconds: float) -> None:
        """Set the newest event time of the newest block, in seconds since 1970."""
        self._set(self._time, seconds, stream, clock)

    def set_unread(self, stream: str, topic: str, group: str, records: int) -> None:
        """Set how many records of a topic its slowest group has still to read; the topic has no other such group."""
        self._set_named(self._unread, stream, topic, group, records)

    def count_outcomes(self, stream: str, joined: int, expired: int) -> None:
        """Count outcomes with a label, and without."""
        self._count(self._outcomes, joined, stream, "joined")
        self._count(self._outcomes, expired, stream, "expired")

    def count_unmet_labels(self, stream: str, labels: int) -> None:
        """Count labels whose event did not come."""
        self._count(self._unmet, labels, stream)

    def count_rejections(self, stream: str, kind: str, code: str, records: int) -> None:
        """Count records that were rejected for one reason."""
        self._count(self._rejections, records, stream, kind, code)

    def count_drift(self, stream: str, kind: str, status: str) -> None:
        """Count a drift that was found."""
        self._count(self._drifts, 1, stream, kind, status)

    def count_alert(self, stream: str, kind: str, state: str) -> None:
        """Count an alert, which is `firing` or `resolved`; `stream` is empty for one of the deployment."""
        self._count(self._alerts, 1, stream, kind, state)

    def count_epoch(self, stream: str, reason: str) -> None:
        """Count an epoch that begins."""
        self._count(self._epochs, 1, stream, reason)

    def count_training(self, stream: str, reason: str, status: str, cpu_seconds: float) -> None:
        """Count a training run that came to a status, and what it cost."""
        self._count(self._trainings, 1, stream, reason, status)
        self._count(self._training_cpu, cpu_seconds, stream)

    def count_predictions(self, stream: str, version: int, route: str, records: int) -> None:
        """Count predictions that one model made."""
        known = self._versions(f"{stream}/{version}") != OTHER
        self._count(self._predictions, records, stream, str(version) if known else OTHER, route)

    def count_notification(self, stream: str, destination: str, outcome: str) -> None:
        """Count what became of an alert at a destination."""
        self._count(self._notifications, 1, stream, destination, outcome)

    def _count(self, counter: Counter, amount: float, stream: str, *labels: str) -> None:
        counter.labels(self._streams(stream), *labels).inc(amount)

    def _set(self, gauge: Gauge, value: float, stream: str, *labels: str) -> None:
        if self._streams(stream) != OTHER:
            gauge.labels(stream, *labels).set(value)

    def _set_named(self, gauge: Gauge, stream: str, label: str, name: str, value: float) -> None:
        """Set a gauge whose last label is one name at a time: under a new one the old one is shown no more."""
        if self._streams(stream) == OTHER:
            return
        before = self._named.get((gauge, stream, label), name)
        if before != name:
            gauge.remove(stream, label, before)
        self._named[gauge, stream, label] = name
        gauge.labels(stream, label, name).set(value)
