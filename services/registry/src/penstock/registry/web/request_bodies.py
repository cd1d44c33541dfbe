"""Parameters, headers and bodies of requests, checked; bodies are bounded."""

from __future__ import annotations

import tomllib
from dataclasses import dataclass
from hashlib import sha256
from typing import Annotated, TypeVar

from fastapi import Depends, Header, Path, Query, Request
from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, JsonValue, ValidationError, model_validator

from penstock.contracts.declaration.stream import NAME_PATTERN, Declaration
from penstock.contracts.declaration.stream_file import LARGEST_FILE, DeclarationError, parse_declaration
from penstock.contracts.records.models import RolloutMode
from penstock.contracts.records.pushes import MetadataKey, MetadataValue, Push, Text
from penstock.registry.command_context import OPERATOR, CommandContext, IdempotencyKey
from penstock.runtime.http.problems import Problem

B = TypeVar("B", bound=BaseModel)

StreamName = Annotated[str, Path(pattern=NAME_PATTERN)]
PageLimit = Annotated[int, Query(ge=1, le=1000)]
Version = Annotated[int, Path(ge=0, lt=2**31)]
Actor = Annotated[str, Header(alias="X-Penstock-Actor", pattern=r"^[A-Za-z0-9][A-Za-z0-9_.@+-]{0,99}$")]
CallerKey = Annotated[str | None, Header(alias="Idempotency-Key", pattern=r"^[\x21-\x7e]{1,200}$")]
IfMatch = Annotated[str | None, Header(alias="If-Match", pattern=r'^"?[0-9]{1,9}"?$')]

ProposalNumber = Annotated[int, Path(ge=1, lt=2**31)]

Detail = Annotated[str, Field(max_length=1000)]
GivenReason = Annotated[str, Field(min_length=1, max_length=1000, pattern=r"\S")]
VersionNumber = Annotated[int, Field(ge=0, lt=2**31, strict=True)]
PartitionNumber = Annotated[int, Field(ge=0, lt=2**31, strict=True)]
Share = Annotated[float, Field(gt=0, lt=1)]
EpochNumber = Annotated[int, Field(ge=0, lt=2**31 - 1, strict=True)]  # the next one is a 32-bit integer too

LARGEST_COMMAND, LARGEST_PUSH = 16_384, 262_144  # bytes


class _Body(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


@dataclass(frozen=True)
class CommandHeaders:
    """The headers of a command: who issues it, and the caller's idempotency key, if any."""

    actor: str
    key: str | None


def command_headers(actor: Actor = OPERATOR, key: CallerKey = None) -> CommandHeaders:
    """The headers of a command, as a dependency of its route."""
    return CommandHeaders(actor, key)


Headers = Annotated[CommandHeaders, Depends(command_headers)]


class PromoteBody(_Body):
    """Let `version` serve if the stream is still at `expected_epoch` (or the header `If-Match`)."""

    version: VersionNumber
    expected_epoch: EpochNumber | None = None
    digest: str | None = None
    detail: Detail = ""


class RollbackBody(_Body):
    """Return to `to_version`, to all that served in `to_epoch`, or to what served before."""

    model_config = ConfigDict(
        json_schema_extra={
            "not": {
                "required": ["to_version", "to_epoch"],
                "properties": {"to_version": {"type": "integer"}, "to_epoch": {"type": "integer"}},
            }
        }
    )

    to_version: VersionNumber | None = None
    to_epoch: EpochNumber | None = None
    expected_epoch: EpochNumber | None = None
    detail: Detail = ""

    @model_validator(mode="after")
    def _check_target(self) -> RollbackBody:
        if self.to_version is not None and self.to_epoch is not None:
            raise ValueError("to_version and to_epoch exclude each other")
        return self


_RISING = Field(max_length=20, description="rising, such as 0.05, 0.2, 0.5", json_schema_extra={"uniqueItems": True})


class RolloutBody(_Body):
    """Roll out `version`, or several `versions` by bandit; `mode` and `steps` as the stream declares unless given."""

    model_config = ConfigDict(
        json_schema_extra={
            "oneOf": [
                {"required": ["version"], "properties": {"version": {"type": "integer"}}},
                {"required": ["versions"], "properties": {"versions": {"minItems": 1, "uniqueItems": True}}},
            ]
        }
    )

    version: VersionNumber | None = None
    versions: Annotated[tuple[VersionNumber, ...], Field(max_length=8)] = ()
    mode: RolloutMode | None = None
    steps: Annotated[tuple[Share, ...], _RISING] = ()
    detail: Detail = ""

    @model_validator(mode="after")
    def _names_a_version(self) -> RolloutBody:
        if (self.version is None) == (not self.versions) or len(set(self.versions)) < len(self.versions):
            raise ValueError("name a version, or several different versions")
        if list(self.steps) != sorted(set(self.steps)):
            raise ValueError("steps must rise, such as [0.05, 0.2, 0.5]")
        return self

    @property
    def challengers(self) -> tuple[int, ...]:
        """The versions to roll out."""
        return self.versions if self.version is None else (self.version,)


class RolloutActionBody(_Body):
    """Why the rollout under way is paused, resumed, aborted or promoted."""

    detail: Detail = ""


class ReleaseBody(_Body):
    """Why the hold of a rollback is lifted."""

    detail: Detail = ""


class PauseBody(_Body):
    """Why a stream is paused; with `intake` it takes no events and labels in either."""

    intake: bool = False
    reason: GivenReason


class DeleteBody(_Body):
    """Why a stream is deleted."""

    reason: GivenReason


class ResumeBody(_Body):
    """Why a paused stream goes on."""

    reason: Detail = ""


class ResumedUnitsBody(_Body):
    """Which partitions services were asked to try again, by group, and why."""

    resumed: Annotated[dict[str, tuple[PartitionNumber, ...]], Field(max_length=20)]
    reason: Detail = ""


class ApproveBody(_Body):
    """Why a proposal is approved."""

    reason: Detail = ""


class DeclineBody(_Body):
    """Why a proposal is declined."""

    reason: GivenReason


class RetrainBody(_Body):
    """Ask for a training."""

    detail: Detail = ""


_NO_OTHER_KEY: dict[str, JsonValue] = {"additionalProperties": False}


class PushBody(_Body):
    """Have the model judged whose package is in the store under `digest`; what else is said of it goes with it."""

    digest: Annotated[str, Field(pattern=r"^sha256:[0-9a-f]{64}$")]
    family: Annotated[str, Field(pattern=r"^[a-z][a-z0-9-]{0,62}$")]
    metadata: Annotated[dict[MetadataKey, MetadataValue], Field(max_length=50, json_schema_extra=_NO_OTHER_KEY)] = {}
    environment: Annotated[dict[MetadataKey, Text], Field(max_length=200, json_schema_extra=_NO_OTHER_KEY)] = {}
    notes: Annotated[str, Field(max_length=4000)] = ""
    trained_until: AwareDatetime | None = None

    @property
    def push(self) -> Push:
        """The body as records have it."""
        return Push.model_validate(self.model_dump())


class ImportedBody(_Body):
    """History was imported: with it the stream has `outcomes` outcomes."""

    outcomes: Annotated[int, Field(ge=1, lt=2**53, strict=True)]
    detail: Detail = ""


async def read_bounded(request: Request, limit: int) -> bytes:
    """The body of a request.

    Raises:
        Problem: it is larger than `limit` bytes; no more than that was read.
    """
    content = bytearray()
    async for chunk in request.stream():
        content += chunk
        if len(content) > limit:
            raise Problem(413, "too_large", f"expected at most {limit} bytes")
    return bytes(content)


async def read_command(
    request: Request, body_type: type[B], headers: CommandHeaders, limit: int = LARGEST_COMMAND
) -> tuple[B, CommandContext]:
    """The body of a command, of at most `limit` bytes, and its context.

    Raises:
        Problem: the body is too large, not JSON, or not of the type.
    """
    content = await read_bounded(request, limit)
    key = None if headers.key is None else IdempotencyKey(headers.key, _request_digest(request, content))
    return parse_json(body_type, content), CommandContext(headers.actor, key, request.state.traceparent)


def _request_digest(request: Request, content: bytes) -> str:
    return sha256(f"{request.method} {request.url.path}\n".encode() + content).hexdigest()


def parse_json(body_type: type[B], content: bytes, code: str = "invalid") -> B:
    """The body as its type; an empty body is an object without fields.

    Raises:
        Problem: it is not JSON, or not of the type; `code` is the problem's code then.
    """
    try:
        return body_type.model_validate_json(content or b"{}")
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False, include_context=False)[0]
        if first["type"] == "json_invalid":
            raise Problem(400, "bad_json", "the body is not valid JSON") from error
        field = ".".join(str(part) for part in first["loc"])
        raise Problem(422, code, first["msg"].removeprefix("Value error, "), field or None) from error


def expected_epoch(if_match: str | None, in_body: int | None) -> int | None:
    """The epoch at which the caller expects the stream: from the body, else from `If-Match`.

    Raises:
        Problem: the two differ.
    """
    in_header = int(if_match.strip('"')) if if_match is not None else None
    if in_body is not None and in_header is not None and in_body != in_header:
        raise Problem(422, "invalid", "If-Match names another epoch than the body", "expected_epoch")
    return in_header if in_body is None else in_body


async def read_declaration(request: Request, name: str) -> Declaration:
    """The declaration in the body: the text of a `stream.toml`, or JSON.

    Raises:
        Problem: the body is neither, declares something impossible, or a stream of another name.
    """
    media_type = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if media_type not in ("application/toml", "application/json"):
        raise Problem(415, "unsupported_media_type", "send application/toml or application/json", "Content-Type")
    content = await read_bounded(request, LARGEST_FILE)
    if media_type == "application/toml":
        declaration = _parse_toml(content)
    else:
        declaration = parse_json(Declaration, content, "bad_declaration")
    if declaration.name != name:
        raise Problem(422, "name_mismatch", f"the declaration names another stream than the path: {name}", "name")
    return declaration


def _parse_toml(content: bytes) -> Declaration:
    try:
        return parse_declaration(content.decode())
    except UnicodeDecodeError as error:
        raise Problem(400, "bad_encoding", f"expected UTF-8 text, byte {error.start} is not") from error
    except DeclarationError as error:
        unparsed = isinstance(error.__cause__, (tomllib.TOMLDecodeError, RecursionError))
        raise Problem(400 if unparsed else 422, "bad_toml" if unparsed else "bad_declaration", str(error)) from error
