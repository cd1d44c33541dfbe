"""Where the pages have what they show from."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from penstock.bus.errors import TransientError
from penstock.bus.ports import Log
from penstock.console.services_client import ServicesClient
from penstock.console.status.consumer_lags import EdgeLag, edge_lags
from penstock.console.web.live.answer_rates import AnswerRates
from penstock.console.web.live.deployment_history import DeploymentHistory
from penstock.console.web.live.stream_history import StreamHistory
from penstock.console.web.recent_value import RecentValue
from penstock.console.web.registry_reader import RegistryReader
from penstock.console.web.service_probe import ServiceProbe, ServiceState
from penstock.contracts.records.streams import StreamDeclared
from penstock.server.models.model_loader import ModelLoader

SERVICES_S = 2.0


class PageMissing(LookupError):
    """There is nothing of that name; the message says what was looked for."""


@dataclass(frozen=True)
class Sources:
    """The log and what is followed of it, the registry, and the services.

    `artifacts` is the store with the prediction log, `trace_viewer` the address of a Zipkin, or empty. Without
    `models` no model is opened, since its signature cannot be checked; without `repair_services` nothing is repaired,
    since the settings name no ingestion.
    """

    log: Log
    namespace: str
    history: DeploymentHistory
    rates: AnswerRates
    registry: RegistryReader
    services: RecentValue[list[ServiceState]]
    lags: RecentValue[Sequence[EdgeLag]]
    artifacts: str
    trace_viewer: str
    models: ModelLoader | None = None
    repair_services: ServicesClient | None = None

    def stream(self, name: str) -> tuple[StreamDeclared, StreamHistory]:
        """A stream's declaration and its history.

        Raises:
            PageMissing: no stream of that name is declared, or it was deleted.
        """
        history = self.history.streams.get(name)
        if history is None or history.declared is None:
            raise PageMissing(f"No stream {name!r} is declared.")
        if (deletion := history.declared.deletion) is not None:
            raise PageMissing(f"Stream {name!r} was deleted by {deletion.by}; see: penstock ledger {name}")
        return history.declared, history


def recent_services(probe: ServiceProbe) -> RecentValue[list[ServiceState]]:
    """The services' states, asked at most every two seconds."""
    return RecentValue(probe.states, SERVICES_S)


def recent_lags(log: Log, namespace: str) -> RecentValue[Sequence[EdgeLag]]:
    """The lags, asked at most every two seconds; none while the log does not answer."""

    async def find() -> Sequence[EdgeLag]:
        try:
            return await edge_lags(log, namespace)
        except TransientError:
            return ()

    return RecentValue(find, SERVICES_S)
