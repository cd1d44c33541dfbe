"""`notifications.toml`: who is told of which alerts, and what is silent for a while."""

from __future__ import annotations

from datetime import timedelta
from typing import Annotated, Literal

from pydantic import AfterValidator, AnyHttpUrl, AwareDatetime, Field, model_validator

from penstock.contracts.alert_kinds import AlertKind
from penstock.contracts.declaration.strict_model import Duration, StrictModel, distinct

Severity = Literal["info", "warning", "critical"]
Variable = Annotated[str, Field(pattern=r"^[A-Za-z_][A-Za-z0-9_]*$")]
"""The name of an environment variable that holds a secret; the file holds none."""
Address = Annotated[str, Field(pattern=r"^[^@\s]+@[^@\s]+$")]


class Destination(StrictModel):
    """Where alerts are sent, and which: of at least this severity, of these kinds and streams (none named: of all).

    Of alerts with one key, one is sent in each `group_interval`; the others are counted.
    """

    name: Annotated[str, Field(pattern=r"^[a-z][a-z0-9-]{0,62}$")]
    severity: Severity = "warning"
    kinds: tuple[AlertKind, ...] = ()
    streams: tuple[str, ...] = ()
    group_interval: Duration = timedelta(hours=1)


class Webhook(Destination):
    """JSON by POST, signed as Standard Webhooks are by the secret in the environment variable `secret_variable`."""

    kind: Literal["webhook"]
    url: AnyHttpUrl
    secret_variable: Variable


class Slack(Destination):
    """JSON with `text` by POST, to the URL in the environment variable `url_variable`: who knows it may write there."""

    kind: Literal["slack"]
    url_variable: Variable


class Email(Destination):
    """A message by SMTP. `tls`: `starttls` on the plain port, `implicit` on port 465, `none` for a relay nearby."""

    kind: Literal["email"]
    host: str
    port: Annotated[int, Field(ge=1, le=65535)] = 587
    tls: Literal["starttls", "implicit", "none"] = "starttls"
    sender: Address
    recipients: Annotated[tuple[Address, ...], Field(min_length=1)]
    username: str | None = None
    password_variable: Variable | None = None

    @model_validator(mode="after")
    def _check_password(self) -> Email:
        if (self.username is None) != (self.password_variable is None):
            raise ValueError("username and password_variable belong together")
        return self


class Silence(StrictModel):
    """No alert of this kind, stream or both is sent until a time."""

    kind: AlertKind | None = None
    stream: str | None = None
    until: AwareDatetime
    reason: str = ""

    @model_validator(mode="after")
    def _check_scope(self) -> Silence:
        if self.kind is None and self.stream is None:
            raise ValueError("a silence names a kind, a stream or both")
        return self


def _check_names(destinations: tuple[Destination, ...]) -> tuple[Destination, ...]:
    distinct(tuple(destination.name for destination in destinations))
    return destinations


AnyDestination = Annotated[Webhook | Slack | Email, Field(discriminator="kind")]


class Notifications(StrictModel):
    """The whole file."""

    destination: Annotated[tuple[AnyDestination, ...], AfterValidator(_check_names)] = ()
    silence: tuple[Silence, ...] = ()
