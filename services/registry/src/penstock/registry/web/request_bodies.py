"""What a request may hold: a bounded body, and the headers that commands carry."""

from __future__ import annotations

import tomllib
from hashlib import sha256
from typing import Annotated, TypeVar

from fastapi import Header, Path, Request
from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from penstock.contracts.declaration.stream import NAME, Declaration
from penstock.contracts.declaration.stream_file import LARGEST_FILE, DeclarationError, parse_declaration
from penstock.contracts.records.models import RolloutMode
from penstock.registry.command_results import Once
from penstock.runtime.http.problems import Problem

B = TypeVar("B", bound=BaseModel)

StreamName = Annotated[str, Path(pattern=NAME)]
Version = Annotated[int, Path(ge=0, lt=2**31)]
Actor = Annotated[str, Header(alias="X-Penstock-Actor", pattern=r"^[A-Za-z0-9][A-Za-z0-9_.@+-]{0,99}$")]
Key = Annotated[str | None, Header(alias="Idempotency-Key", pattern=r"^[\x21-\x7e]{1,200}$")]
IfMatch = Annotated[str | None, Header(alias="If-Match", pattern=r'^"?[0-9]{1,9}"?$')]

Detail = Annotated[str, Field(max_length=1000)]
VersionNumber = Annotated[int, Field(ge=0, lt=2**31, strict=True)]
Share = Annotated[float, Field(gt=0, lt=1)]
EpochNumber = Annotated[int, Field(ge=0, lt=2**31, strict=True)]

LARGEST_COMMAND = 16_384  # bytes


class _Body(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class PromoteBody(_Body):
    """Let `version` serve if the stream is still at `expected_epoch` (or the header `If-Match`)."""

    version: VersionNumber
    expected_epoch: EpochNumber | None = None
    digest: str | None = None
    detail: Detail = ""


class RollbackBody(_Body):
    """Return to `to_version`, or to what served before."""

    to_version: VersionNumber | None = None
    expected_epoch: EpochNumber | None = None
    detail: Detail = ""


class RolloutBody(_Body):
    """Put `version`, or several `versions` by bandit, on trial; `mode` and `steps` as the stream declares unless given."""

    version: VersionNumber | None = None
    versions: Annotated[tuple[VersionNumber, ...], Field(max_length=8)] = ()
    mode: RolloutMode | None = None
    steps: Annotated[tuple[Share, ...], Field(max_length=20)] = ()
    detail: Detail = ""

    @model_validator(mode="after")
    def _names_a_version(self) -> RolloutBody:
        if (self.version is None) == (not self.versions) or len(set(self.versions)) < len(self.versions):
            raise ValueError("name a version, or several different versions")
        if list(self.steps) != sorted(set(self.steps)):
            raise ValueError("steps must rise, such as [0.05, 0.2, 0.5]")
        return self

    @property
    def tried(self) -> tuple[int, ...]:
        """All versions that are named."""
        return self.versions if self.version is None else (self.version,)


class OrderBody(_Body):
    """What is asked of the rollout under way, and why."""

    detail: Detail = ""


class RetrainBody(_Body):
    """Ask for a training."""

    detail: Detail = ""


class ImportedBody(_Body):
    """History was imported: with it the stream has so many outcomes."""

    outcomes: Annotated[int, Field(ge=1, lt=2**53, strict=True)]
    detail: Detail = ""


async def bounded(request: Request, most: int) -> bytes:
    """The body.

    Raises:
        Problem: it is larger than `most` bytes; no more than that was read.
    """
    content = bytearray()
    async for chunk in request.stream():
        content += chunk
        if len(content) > most:
            raise Problem(413, "too_large", f"expected at most {most} bytes")
    return bytes(content)


def once(key: str | None, request: Request, content: bytes) -> Once | None:
    """The caller's key with a digest of what is asked, None without a key."""
    if key is None:
        return None
    return Once(key, sha256(f"{request.method} {request.url.path}\n".encode() + content).hexdigest())


async def command_in(request: Request, body_type: type[B], key: str | None) -> tuple[B, Once | None]:
    """What a command asks for, and the caller's key if it bears one.

    Raises:
        Problem: the body is too large, not JSON, or not of the type.
    """
    content = await bounded(request, LARGEST_COMMAND)
    return read(body_type, content), once(key, request, content)


def read(body_type: type[B], content: bytes, code: str = "invalid") -> B:
    """The body as its type; an empty body is an object without fields.

    Raises:
        Problem: it is not JSON, or not of the type.
    """
    try:
        return body_type.model_validate_json(content or b"{}")
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False, include_context=False)[0]
        if first["type"] == "json_invalid":
            raise Problem(400, "bad_json", "the body is not valid JSON") from error
        field = ".".join(str(part) for part in first["loc"])
        raise Problem(422, code, first["msg"].removeprefix("Value error, "), field or None) from error


def epoch_expected(if_match: str | None, named: int | None) -> int | None:
    """The epoch that the caller has seen: from the body, else from `If-Match`.

    Raises:
        Problem: the two differ.
    """
    matched = int(if_match.strip('"')) if if_match is not None else None
    if named is not None and matched is not None and named != matched:
        raise Problem(422, "invalid", "If-Match names another epoch than the body", "expected_epoch")
    return matched if named is None else named


async def declaration_in(request: Request, name: str) -> Declaration:
    """The declaration in the body: the text of a `stream.toml`, or JSON.

    Raises:
        Problem: the body is neither, declares something impossible, or a stream of another name.
    """
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if kind not in ("application/toml", "application/json"):
        raise Problem(415, "unsupported_media_type", "send application/toml or application/json", "Content-Type")
    content = await bounded(request, LARGEST_FILE)
    declaration = _from_toml(content) if kind == "application/toml" else _from_json(content)
    if declaration.name != name:
        raise Problem(422, "name_mismatch", f"the declaration names another stream than the path: {name}", "name")
    return declaration


def _from_toml(content: bytes) -> Declaration:
    try:
        return parse_declaration(content.decode())
    except UnicodeDecodeError as error:
        raise Problem(400, "bad_encoding", f"expected UTF-8 text, byte {error.start} is not") from error
    except DeclarationError as error:
        unparsed = isinstance(error.__cause__, (tomllib.TOMLDecodeError, RecursionError))
        raise Problem(400 if unparsed else 422, "bad_toml" if unparsed else "bad_declaration", str(error)) from error


def _from_json(content: bytes) -> Declaration:
    return read(Declaration, content, "bad_declaration")
