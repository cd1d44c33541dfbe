"""The retrain trigger, put together: on the bus's own loop, or on Kafka with Faust."""

from __future__ import annotations

from pathlib import Path

from penstock.bus.routes import Group
from penstock.retrain_trigger.handlers import FOLLOWED, TOPICS, Handlers
from penstock.retrain_trigger.kafka.faust_app import faust_app
from penstock.retrain_trigger.kafka.faust_stream import Stream
from penstock.retrain_trigger.record_intake import Intake
from penstock.retrain_trigger.settings import RetrainTriggerSettings
from penstock.retrain_trigger.stream_policies import Desk
from penstock.runtime.service import Resources, Service
from penstock.runtime.settings import SettingsError

GROUP = "retrain-trigger"


def build(_: RetrainTriggerSettings, resources: Resources) -> Service:
    """On the bus's loop, for running everything in one process; the calendar does not run there."""
    desk = Desk(resources.streams)
    group = Group(GROUP, TOPICS, lambda _unit, _state: Handlers(desk).routes())
    return Service(groups=(group,), followers=[resources.follow(topic, desk.apply) for topic in FOLLOWED])


def build_on_kafka(settings: RetrainTriggerSettings, resources: Resources) -> Service:
    """On Faust, with the calendar.

    Raises:
        SettingsError: the data folder cannot be used.
    """
    desk = Desk(resources.streams)
    followers = [resources.follow(topic, desk.apply) for topic in FOLLOWED]
    intake = Intake(GROUP, resources, desk, followers)
    folder = _made(settings.data_folder)
    stream = Stream(intake, lambda: faust_app(GROUP, settings.connection(), folder))
    return Service(followers=followers, tasks=(stream.run,))


def _made(folder: Path) -> Path:
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise SettingsError(f"PENSTOCK_DATA_FOLDER: cannot use {folder}: {error.strerror}") from error
    return folder
