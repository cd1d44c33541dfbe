"""From a destination of the file, and the secrets in the environment, to what sends there."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Protocol

import httpx

from penstock.bus.ports import Clock
from penstock.notifier.delivery.mail import MailSender
from penstock.notifier.delivery.post import SlackSender, WebhookSender
from penstock.notifier.delivery.signature import BadSecret, secret_key
from penstock.notifier.news import News
from penstock.notifier.notifications import AnyDestination, Email, Slack, Webhook


class Sender(Protocol):
    """Sends news to one destination."""

    async def send(self, news: News) -> str:
        """Send it once; what was answered.

        Raises:
            DestinationUnavailable: it is to be sent again.
            DeliveryRefused: it is not.
        """


class BadDestination(ValueError):
    """A destination lacks its secret, or has a wrong one; the message names it."""


def sender_of(
    destination: AnyDestination, environment: Mapping[str, str], client: httpx.AsyncClient, clock: Clock
) -> Sender:
    """What sends to a destination.

    Raises:
        BadDestination: its secret is not in the environment, or is none.
    """
    match destination:
        case Webhook():
            try:
                key = secret_key(_secret(destination.name, destination.secret_variable, environment))
            except BadSecret as error:
                raise BadDestination(
                    f"destination {destination.name!r}: {destination.secret_variable}: {error}"
                ) from error
            return WebhookSender(client, str(destination.url), key, clock)
        case Slack():
            url = _secret(destination.name, destination.url_variable, environment)
            if not url.startswith(("http://", "https://")):
                raise BadDestination(f"destination {destination.name!r}: {destination.url_variable}: expected a URL")
            return SlackSender(client, url)
        case Email():
            variable = destination.password_variable
            return MailSender(destination, _secret(destination.name, variable, environment) if variable else None)


def _secret(name: str, variable: str, environment: Mapping[str, str]) -> str:
    value = environment.get(variable, "")
    if not value:
        raise BadDestination(f"destination {name!r}: the environment variable {variable} is not set")
    return value
