"""What both kinds of child are made of."""

from __future__ import annotations

from dataclasses import dataclass, field
from importlib.metadata import version

from penstock.artifacts import ArtifactError, Seal, Store, Verifier, open_store
from penstock.contracts.batch import output
from penstock.contracts.monitoring import Alert
from penstock.contracts.topics import ALERTS, RECEIVED
from penstock.runtime.delivery import Bounds, Delivery
from penstock.runtime.service import Resources
from penstock.runtime.settings import SettingsError
from penstock.server.alerting import Alerts
from penstock.server.delivery import Records
from penstock.server.kept import KeptModels
from penstock.server.lessons import Lessons
from penstock.server.loading import Loader
from penstock.server.predicting import Desk
from penstock.server.settings import HttpSettings, ModelSettings
from penstock.server.swapping import Models

CODE = version("penstock-server")


@dataclass(frozen=True)
class Parts:
    """Where models come from, and whose signature counts. Services in one process share the store.

    Without `kept` no copy is kept for a restart.
    """

    store: Store
    verifier: Verifier
    kept: KeptModels = field(default_factory=KeptModels)


def parts_of(settings: ModelSettings) -> Parts:
    """The parts that the settings name.

    Raises:
        SettingsError: the key file or the store cannot be used.
    """
    if settings.trusted_keys is None:
        raise SettingsError("PENSTOCK_TRUSTED_KEYS: expected the file with the public keys that models are signed by")
    try:
        verifier = Verifier.from_file(settings.trusted_keys)
    except ArtifactError as error:
        raise SettingsError(f"PENSTOCK_TRUSTED_KEYS: {error}") from error
    try:
        store = open_store(settings.artifacts)
    except ArtifactError as error:
        raise SettingsError(f"PENSTOCK_ARTIFACTS: {error}") from error
    return Parts(store, verifier, KeptModels(settings.data_folder / "models"))


def seal_of(settings: HttpSettings) -> Seal:
    """The seal on the answers that are given over HTTP.

    Raises:
        SettingsError: its key cannot be read.
    """
    if settings.answer_key is None:
        raise SettingsError("PENSTOCK_ANSWER_KEY: expected the file with the key that answers are sealed by")
    try:
        return Seal.from_file(settings.answer_key)
    except ArtifactError as error:
        raise SettingsError(f"PENSTOCK_ANSWER_KEY: {error}") from error


def lessons_of(resources: Resources) -> Lessons:
    """What brings outcomes to the models in service in this process."""
    return Lessons(resources.log, resources.namespace, resources.streams)


def models_of(resources: Resources, parts: Parts, lessons: Lessons) -> Models:
    """The models in service in this process; it tells of those that it refuses."""

    async def publish(alert: Alert) -> None:
        await resources.publisher.publish([output(ALERTS, alert, key=alert.stream)])

    loader = Loader(parts.store, parts.verifier, parts.kept)
    return Models(loader, resources.streams, Alerts(publish), resources.metrics.epoch, lessons)


def desk_of(resources: Resources, models: Models, seal: Seal) -> Desk:
    """What answers requests in this process."""
    delivery = Delivery(resources.publisher, RECEIVED, Bounds())
    records = Records(delivery, resources.namespace, resources.telemetry, resources.metrics.unconfirmed)
    return Desk(models, resources.streams, records, seal, resources.clock, CODE)
