"""The declaration of a source: a topic of somebody else whose messages are mapped to events and labels."""

from __future__ import annotations

from collections.abc import Collection
from typing import Annotated, Literal
from urllib.parse import urlsplit

from pydantic import AfterValidator, Field, model_validator

from penstock.contracts.declaration.strict_model import StrictModel
from penstock.contracts.declaration.violation import error_at

NumberTime = Literal["epoch-seconds", "epoch-milliseconds", "epoch-microseconds", "epoch-nanoseconds"]


def _check_path(path: str) -> str:
    names = path[1:].split("/") if path.startswith("/") else path.split(".")
    if not path.startswith("/") and not all(names):
        raise ValueError(f"{path!r} has an empty part; expected a path such as order.total, or a JSON pointer")
    return path


Path = Annotated[str, Field(min_length=1, max_length=500), AfterValidator(_check_path)]
"""Where a value lies in a message: names with dots between them, or a JSON pointer (RFC 6901)."""


def _check_servers(servers: str) -> str:
    for server in servers.split(","):
        host, _, port = server.strip().rpartition(":")
        if not (host and port.isascii() and port.isdigit() and 0 < int(port) < 65536):
            raise ValueError("expected host:port, several with commas between them")
    return servers


def _check_registry(url: str) -> str:
    try:
        parts = urlsplit(url)
        has_user = parts.username is not None or parts.password is not None
        _ = parts.port
    except ValueError as error:
        raise ValueError("expected a URL such as http://registry.shop:8081") from error
    if parts.scheme not in ("http", "https") or not parts.hostname or parts.query or parts.fragment:
        raise ValueError("expected a URL such as http://registry.shop:8081")
    if has_user:
        raise ValueError("a declaration holds no secrets: leave user and password out of the URL")
    return url.rstrip("/")


class SourceDeclaration(StrictModel):
    """A topic of somebody else, and where in its messages lies what events and labels hold."""

    kafka: Annotated[str, Field(pattern=r"^[a-zA-Z0-9._-]{1,249}$")]
    """The topic that is read, from its beginning on. It is only read."""

    servers: Annotated[str, AfterValidator(_check_servers)] | None = None
    """The cluster that has the topic, as `host:port`, several with commas between them; it is reached without TLS and
    without a password. Without it, the cluster of the deployment."""

    format: Literal["json", "debezium"] = "json"
    """What a message is: `json` one object, `debezium` the change of a row in Debezium's envelope (with or without its
    schema); paths then lead into the row."""

    schema_registry: Annotated[str, AfterValidator(_check_registry)] | None = None
    """The URL of a schema registry: messages are in Confluent's wire format (JSON Schema), and each schema is asked for
    there. Without it, messages are plain JSON."""

    records: Literal["events", "labels", "both"] = "events"
    """What messages hold: events, labels of events that came before, or `both`: rows of a table in which the label of a
    row is filled in later."""

    id: Path | None = None
    """Where the id of the event lies. Without it, an event is named by its topic, partition and offset, and labels are
    refused, for they name their event."""

    time: Path | None = None
    """Where the event time lies. Without it, it is when the row was changed, or when the message was written."""

    number_times: NumberTime = "epoch-milliseconds"
    """What a time that is a number counts since 1970. A time that is a text is read as ISO 8601, in `time.zone` where
    it names no zone."""

    label: Path | None = None
    """Where the label lies. Without it, under the label's own name. A label that is null is not known yet."""

    label_time: Path | None = None
    """Where the time lies at which the label became known. Without it, it is when the row was changed, or when the
    message was written."""

    prediction: Path | None = None
    """Where the prediction of an external model lies; as the next two it is read only where the stream's model is
    external."""

    probabilities: Path | None = None
    """Where its probabilities lie: an object by class, an array in declared order, or the JSON of either."""

    modelversion: Path | None = None
    """Where the version lies of the model that made it."""

    event_source: Annotated[str, Field(min_length=1, max_length=512)] | None = None
    """The `source` of the events that labels belong to, such as `http` or another source of this stream. Without it,
    this source."""

    deletes: Literal["refuse", "ignore"] = "refuse"
    """What happens to the deletion of a row, by which no event is undone: it is a rejected record, or passed over."""

    fields: dict[str, Path] = Field(default={})
    """Where fields lie whose name in the message is another, by the field's name."""

    @model_validator(mode="after")
    def _check_labels(self) -> SourceDeclaration:
        if self.records != "events" and self.id is None:
            raise error_at(("id",), "labels name the event that they belong to: say where its id lies")
        if self.records == "both" and self.event_source is not None:
            raise error_at(("event_source",), "belongs to labels alone: these events are of this source")
        return self


def check_source(name: str, source: SourceDeclaration, fields: Collection[str], *, needs_prediction: bool) -> None:
    """Check a source against the rest of its declaration; `needs_prediction`: each event brings an external model's.

    Raises:
        PydanticCustomError: it does not fit.
    """
    if name == "http":
        raise error_at(("source", name), "is the source of events over HTTP; take another name")
    for field in source.fields:
        if field not in fields:
            raise error_at(("source", name, "fields", field), f"{field!r} is not among the fields")
    if needs_prediction and source.records != "labels" and source.prediction is None:
        detail = "events of an external model bring its prediction: say where it lies, or take labels alone"
        raise error_at(("source", name, "prediction"), detail)
