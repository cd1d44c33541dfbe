"""Builds the notifier from its settings."""

from __future__ import annotations

import logging
import os
from collections.abc import Mapping, Sequence
from functools import partial

import httpx

from penstock.bus.routes import Group, Route, Unit, route
from penstock.bus.state.unit_state import State
from penstock.contracts.alert_kinds import AlertKind
from penstock.contracts.topics import ALERTS, NOTIFIER_GROUPS
from penstock.notifier.broker_watch import BrokerWatch, Recipient
from penstock.notifier.deliveries import Deliveries
from penstock.notifier.delivery.senders import BadDestination, sender_of
from penstock.notifier.handlers import Handler
from penstock.notifier.notifications import Notifications, Silence
from penstock.notifier.notifications_file import BadNotifications, read_notifications
from penstock.notifier.settings import NotifierSettings
from penstock.runtime.service import Resources, Service
from penstock.runtime.settings import SettingsError

LONGEST_BATCH_S = 600.0  # alerts are sent one by one, each within seconds

log = logging.getLogger(__name__)


def build(settings: NotifierSettings, resources: Resources) -> Service:
    """The notifier: a stateful group over `alerts` for each destination, so that none waits for another.

    Raises:
        SettingsError: the file of the destinations cannot be used, or a secret is missing.
    """
    try:
        notifications = read_notifications(settings.file) if settings.file else Notifications()
        return service_of(notifications, os.environ, resources)
    except (BadNotifications, BadDestination) as error:
        raise SettingsError(f"PENSTOCK_NOTIFICATIONS: {error}") from error


def service_of(notifications: Notifications, environment: Mapping[str, str], resources: Resources) -> Service:
    """The service of these destinations.

    Raises:
        BadDestination: a secret is not in the environment.
    """
    if not notifications.destination:
        log.warning("nobody is told of alerts: set PENSTOCK_NOTIFICATIONS to a file that names destinations")
    client = httpx.AsyncClient(limits=httpx.Limits(max_keepalive_connections=0))  # alerts are rare
    recipients = [
        Recipient(destination, sender_of(destination, environment, client, resources.clock))
        for destination in notifications.destination
    ]
    silences = notifications.silence
    count = partial(resources.metrics.streams.count_alert, "", AlertKind.BROKER)
    watch = BrokerWatch(resources.log, resources.namespace, recipients, silences, resources.clock, count)
    names = [destination.name for destination in notifications.destination]
    return Service(
        groups=[_group(recipient, silences, resources) for recipient in recipients],
        tasks=[watch.run],
        health=lambda: {"destinations": names},
    )


def _group(recipient: Recipient, silences: Sequence[Silence], resources: Resources) -> Group:
    destination, sender = recipient
    deliveries = Deliveries(destination.name, sender, resources.clock)
    started = resources.clock()

    def open_unit(unit: Unit, state: State) -> Sequence[Route]:  # noqa: ARG001 - there is one unit, the control plane
        return [route(ALERTS, Handler(destination, silences, deliveries, state, started).handle)]

    name = f"{NOTIFIER_GROUPS}{destination.name}"
    return Group(name, (ALERTS,), open_unit, stateful=True, max_handling_seconds=LONGEST_BATCH_S)
