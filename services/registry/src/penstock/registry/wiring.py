"""The registry, put together from its settings."""

from __future__ import annotations

from dataclasses import dataclass, replace

from sqlalchemy import Engine

from penstock.artifacts import ArtifactError, BadKey, BadSignature, Signer, Store, Verifier, digest_of, open_store
from penstock.registry.addresses import Addresses
from penstock.registry.baseline_model import PREDICATE, BaselinePublisher
from penstock.registry.db.database_watch import DatabaseWatch
from penstock.registry.db.engines import BadDatabase, open_engine
from penstock.registry.db.outbox_relay import OutboxRelay
from penstock.registry.db.transactions import Database
from penstock.registry.handlers import registry_group
from penstock.registry.retention.retention_watch import RetentionWatch
from penstock.registry.settings import RegistrySettings
from penstock.registry.signature_check import SignatureCheck
from penstock.registry.topic_deletion import TopicDeletion
from penstock.registry.use_cases.registry import Registry
from penstock.registry.web.app import registry_app
from penstock.runtime.service import Resources, Service
from penstock.runtime.settings import SettingsError


@dataclass(frozen=True)
class Parts:
    """What a registry is made of: an artifact store, its signing key, the trusted keys, an engine of `open_engine`."""

    store: Store
    signer: Signer
    verifier: Verifier
    engine: Engine


def build(settings: RegistrySettings, resources: Resources) -> Service:
    """The service."""
    parts = open_parts(settings)
    return replace(service_of(registry_of(parts, resources), settings.addresses, resources), close=parts.engine.dispose)


def registry_of(parts: Parts, resources: Resources) -> Registry:
    """The registry itself, for callers in the same process."""
    database = Database(parts.engine)
    return Registry(
        database,
        OutboxRelay(database, resources),
        BaselinePublisher(parts.store, parts.signer),
        SignatureCheck(parts.store, parts.verifier),
        resources.clock,
    )


def service_of(registry: Registry, addresses: Addresses, resources: Resources) -> Service:
    """The registry as a service; `addresses` are what it tells clients."""
    watch = RetentionWatch(resources)
    database_watch = DatabaseWatch(registry.database, resources)
    topic_deletion = TopicDeletion(registry, resources)
    return Service(
        groups=[registry_group(registry)],
        app=registry_app(registry, watch, addresses, resources),
        tasks=[registry.relay.run, watch.run, database_watch.run, topic_deletion.run],
        health=lambda: {"outbox": registry.relay.unpublished},
        failures=topic_deletion.failures,
    )


def open_parts(settings: RegistrySettings) -> Parts:
    """The parts that the settings name.

    Raises:
        SettingsError: one of them is wrong.
    """
    try:
        signer = Signer.from_file(settings.signing_key)
        verifier = Verifier.from_file(settings.trusted_keys)
        verifier.verify(signer.sign("start", digest_of(b""), PREDICATE, {}))
        return Parts(open_store(settings.artifacts), signer, verifier, open_engine(settings.database))
    except BadKey as error:
        raise SettingsError(f"PENSTOCK_SIGNING_KEY, PENSTOCK_TRUSTED_KEYS: {error}") from error
    except BadSignature as error:
        raise SettingsError(f"PENSTOCK_TRUSTED_KEYS: it lacks the public half of the signing key: {error}") from error
    except ArtifactError as error:
        raise SettingsError(f"PENSTOCK_ARTIFACTS: {error}") from error
    except BadDatabase as error:
        raise SettingsError(f"DATABASE_URL: {error}") from error
