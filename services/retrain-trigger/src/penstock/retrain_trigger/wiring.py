"""The retrain trigger, put together: on the bus's own loop, or on Kafka with Faust."""

from __future__ import annotations

from pathlib import Path

from penstock.bus.routes import Group
from penstock.retrain_trigger.handlers import FOLLOWED, TOPICS, Handlers
from penstock.retrain_trigger.kafka.faust_app import faust_app
from penstock.retrain_trigger.kafka.faust_consumer import FaustConsumer
from penstock.retrain_trigger.kafka.record_processor import RecordProcessor
from penstock.retrain_trigger.policy_engine import PolicyEngine
from penstock.retrain_trigger.settings import RetrainTriggerSettings
from penstock.runtime.service import Resources, Service
from penstock.runtime.settings import SettingsError

GROUP = "retrain-trigger"


def build(_: RetrainTriggerSettings, resources: Resources) -> Service:
    """The service on the bus's loop, for running everything in one process; cron schedules do not run there."""
    engine = PolicyEngine(resources.streams)
    group = Group(GROUP, TOPICS, lambda _unit, _state: Handlers(engine).routes())
    return Service(groups=(group,), followers=[resources.follow(topic, engine.apply) for topic in FOLLOWED])


def build_on_kafka(settings: RetrainTriggerSettings, resources: Resources) -> Service:
    """The service on Kafka with Faust, cron schedules included.

    Raises:
        SettingsError: the data folder cannot be used.
    """
    engine = PolicyEngine(resources.streams)
    followers = [resources.follow(topic, engine.apply) for topic in FOLLOWED]
    processor = RecordProcessor(GROUP, resources, engine, followers)
    folder = _create_folder(settings.data_folder)
    consumer = FaustConsumer(processor, lambda: faust_app(GROUP, settings.connection(), folder))
    return Service(followers=followers, tasks=(consumer.run,))


def _create_folder(folder: Path) -> Path:
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise SettingsError(f"PENSTOCK_DATA_FOLDER: cannot use {folder}: {error.strerror}") from error
    return folder
