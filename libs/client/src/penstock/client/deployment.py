"""A deployment of Penstock: its streams, and what concerns all of them."""

from __future__ import annotations

import os
import tomllib
from collections.abc import Iterable, Mapping
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import httpx
import msgspec

from penstock.client.errors import PenstockError
from penstock.client.frames import Library
from penstock.client.http_requests import Requests
from penstock.client.parquet_frames import chosen_library, frame_of_parquet
from penstock.client.records import Records
from penstock.client.services import Services
from penstock.client.stream import AsyncStream
from penstock.client.views import Alert, CommandResult, Proposal, StreamView

USUAL_URL = "http://127.0.0.1:8030"
PATIENCE = 60.0  # seconds


class AsyncPenstock:
    """A deployment, by the address of its registry, which tells where the other services are.

    Args:
        url: of the registry; by default the variable PENSTOCK_URL, else this machine's.
        actor: who gives commands, for the audit log; by default `operator`.
        patience: seconds for which a request is repeated while a service is away or overloaded.
        in_flight: how many batches are on the way at once; with one, rows keep their order.
        services: addresses by name (`ingestion`, `server`), where those that the registry tells are not reached.
        transport: carries requests out in place of the network.
    """

    def __init__(
        self,
        url: str | None = None,
        *,
        actor: str | None = None,
        patience: float = PATIENCE,
        in_flight: int = 1,
        services: Mapping[str, str] | None = None,
        transport: httpx.AsyncBaseTransport | None = None,
    ) -> None:
        self.url = (url or os.environ.get("PENSTOCK_URL") or USUAL_URL).rstrip("/")
        self._requests = Requests(patience, transport)
        self._services = Services(self.url, actor, self._requests, services or {})
        self._in_flight = in_flight

    def __repr__(self) -> str:
        """The address."""
        return f"{type(self).__name__}({self.url!r})"

    async def __aenter__(self) -> Self:
        """The client, closed at the end of the block."""
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Close the connections."""
        await self.close()

    async def close(self) -> None:
        """Close the connections."""
        await self._requests.close()

    def stream(self, name: str) -> AsyncStream:
        """A stream by its name."""
        return AsyncStream(name, self._services, self._in_flight)

    async def streams(self) -> Records[StreamView]:
        """Every stream."""
        return Records(await self._services.get_list("streams", StreamView))

    async def apply(self, declaration: str | Path | Mapping[str, Any]) -> CommandResult:
        """Declare a stream, or change its declaration.

        Args:
            declaration: the path of a `stream.toml`, its text, or a dict: its tables, or what `declaration()` gives.

        Raises:
            Refused: the registry says what is wrong with it, and where.
        """
        name, content, media_type = _document_of(declaration)
        return await self._services.put(f"streams/{name}", content, media_type, CommandResult)

    async def sql(self, query: str, *, streams: Iterable[str] = (), backend: Library | None = None) -> Any:
        """Ask what was answered, and why, in SQL, as `penstock sql` does: for longer than the topics are kept.

        Args:
            query: one SELECT statement of DuckDB about predictions, outcomes, rejected, decisions and dead_letters.
            streams: which these are of, all unless named.
            backend: the library of the frame, by default the first installed of polars, pandas and pyarrow.

        Returns:
            a frame, of at most 1,000,000 rows.

        Raises:
            Refused: the query is wrong, takes longer than a minute, or has too many rows.
            PenstockError: the library is not installed.
        """
        library = chosen_library(backend)
        question = {"query": query, "streams": tuple(streams)}
        return frame_of_parquet(await self._services.download("sql", question=question), library)

    async def alerts(self, limit: int = 100) -> Records[Alert]:
        """The newest alerts, newest first."""
        return Records(await self._services.get_list("alerts", Alert, {"limit": limit}))

    async def proposals(self, limit: int = 20) -> Records[Proposal]:
        """The newest proposals of all streams, newest first."""
        return Records(await self._services.get_list("proposals", Proposal, {"limit": limit}))

    async def approve(self, proposal: int, reason: str = "") -> CommandResult:
        """Carry a proposal out: its model serves, or its rollout starts."""
        return await self._services.command(f"proposals/{proposal}/approve", {"reason": reason}, CommandResult)

    async def decline(self, proposal: int, reason: str) -> CommandResult:
        """Decline a proposal; the challenger of a rollout that made it is taken back."""
        return await self._services.command(f"proposals/{proposal}/decline", {"reason": reason}, CommandResult)


def _document_of(declaration: str | Path | Mapping[str, Any]) -> tuple[str, bytes, str]:
    """The name of the stream, the document that declares it, and the media type of that."""
    if isinstance(declaration, Mapping):
        tables = {**declaration, **declaration.get("stream", {})}
        tables.pop("stream", None)
        return _name_in(tables), msgspec.json.encode(tables), "application/json"
    text = _text_of(declaration)
    return _name_in(_stream_table(text)), text.encode(), "application/toml"


def _name_in(table: Mapping[str, Any]) -> str:
    name = table.get("name")
    if not isinstance(name, str):
        raise PenstockError("The declaration names no stream: it needs a table [stream] with a name.")
    return name


def _text_of(declaration: str | Path) -> str:
    """The text itself, which has more than one line, or that of the file."""
    if isinstance(declaration, str) and "\n" in declaration:
        return declaration
    try:
        return Path(declaration).read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise PenstockError(f"The declaration {declaration} cannot be read: {error}.") from error


def _stream_table(text: str) -> dict[str, Any]:
    try:
        table = tomllib.loads(text).get("stream")
    except (tomllib.TOMLDecodeError, RecursionError) as error:
        raise PenstockError(f"The declaration is not valid TOML: {error}.") from error
    return table if isinstance(table, dict) else {}
