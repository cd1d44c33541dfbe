"""The metrics of the process that serves them: whether it is ready, its event loop, disk, CPU and memory."""

from prometheus_client import CollectorRegistry, Gauge, Histogram, ProcessCollector

from penstock.telemetry import names

_LAG_SECONDS = (0.001, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0)


class ProcessMetrics:
    """Metrics of one process, in its registry; those that start with `process_` are read from `/proc` when asked."""

    def __init__(self, registry: CollectorRegistry) -> None:
        ProcessCollector(registry=registry)
        self._ready = Gauge(names.READY, "Whether the service can do its work: 1 or 0.", registry=registry)
        self._failing = Gauge(
            names.FAILING, "Groups and topic partitions that cannot be worked on for now.", registry=registry
        )
        self._loop_lag = Histogram(
            names.LOOP_LAG, "How late the event loop runs a timer.", buckets=_LAG_SECONDS, registry=registry
        )
        self._disk_free = Gauge(names.DISK_FREE, "Free on the disk of the data folder.", registry=registry)
        self._disk_size = Gauge(names.DISK_SIZE, "Size of the disk of the data folder.", registry=registry)
        self._state_size = Gauge(names.STATE_SIZE, "Size of the state on disk, of all units.", registry=registry)

    def set_health(self, *, ready: bool, failing: int) -> None:
        """Set whether the service can work, and how many groups and topic partitions it cannot work on for now."""
        self._ready.set(ready)
        self._failing.set(failing)

    def observe_loop_lag(self, seconds: float) -> None:
        """Observe by how much the event loop ran a timer too late."""
        self._loop_lag.observe(seconds)

    def set_disk(self, *, free: int, size: int, state: int) -> None:
        """Set the bytes of the disk that the data folder is on, and those of the state in it."""
        self._disk_free.set(free)
        self._disk_size.set(size)
        self._state_size.set(state)
