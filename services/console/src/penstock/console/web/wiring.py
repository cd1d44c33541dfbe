"""The console's pages, put together from their settings."""

from __future__ import annotations

from dataclasses import replace

from penstock.artifacts import ArtifactError, BadKey, Verifier, open_store
from penstock.console.batch.scheduled_batches import ScheduledBatches
from penstock.console.services_client import ServicesClient
from penstock.console.settings import ConsoleSettings
from penstock.console.web.app import console_app
from penstock.console.web.live.answer_rates import AnswerRates
from penstock.console.web.live.deployment_history import DeploymentHistory
from penstock.console.web.live.live_feed import LiveFeed
from penstock.console.web.registry_reader import RegistryReader
from penstock.console.web.service_probe import ServiceProbe
from penstock.console.web.sources import Sources, recent_lags, recent_services
from penstock.runtime.service import Resources, Service
from penstock.runtime.settings import SettingsError
from penstock.server.models.model_loader import ModelLoader


def build(settings: ConsoleSettings, resources: Resources) -> Service:
    """The console of the deployment that the settings describe.

    Raises:
        SettingsError: the store or the keys cannot be used.
    """
    history = DeploymentHistory()
    rates = AnswerRates(resources.log, resources.namespace, resources.streams)
    sources = Sources(
        log=resources.log,
        namespace=resources.namespace,
        history=history,
        rates=rates,
        registry=RegistryReader(settings.registry),
        services=recent_services(ServiceProbe(settings.service_urls)),
        lags=recent_lags(resources.log, resources.namespace),
        artifacts=settings.artifacts,
        trace_viewer=settings.trace_viewer,
        models=_model_loader(settings),
        repair_services=_repair_services(settings),
    )
    service = service_of(sources, resources, settings.host_names)
    if settings.batches is None:
        return service
    batches = ScheduledBatches(resources.streams, settings.registry, settings.batches)
    return replace(service, tasks=[*service.tasks, batches.run], health=batches.health_facts)


def _model_loader(settings: ConsoleSettings) -> ModelLoader | None:
    if settings.trusted_keys is None:
        return None
    try:
        return ModelLoader(open_store(settings.artifacts), Verifier.from_file(settings.trusted_keys))
    except BadKey as error:
        raise SettingsError(f"PENSTOCK_TRUSTED_KEYS: {error}") from error
    except ArtifactError as error:
        raise SettingsError(f"PENSTOCK_ARTIFACTS: {error}") from error


def _repair_services(settings: ConsoleSettings) -> ServicesClient | None:
    ingestion = settings.service_urls.get("ingestion")
    return None if ingestion is None else ServicesClient(ingestion, settings.registry)


def service_of(sources: Sources, resources: Resources, hosts: frozenset[str] = frozenset()) -> Service:
    """The console as a service: it follows the control plane, and writes nothing."""
    feed = LiveFeed(sources.history, sources.rates)
    return Service(
        followers=sources.history.followers(resources),
        app=console_app(sources, feed, hosts),
        tasks=[sources.rates.run, feed.run],
    )
